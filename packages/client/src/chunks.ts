/** What one command may name at most (N13). */
const MAX_CHANNELS_PER_COMMAND = 100;

/** Parts of a list, each for one command. */
export function* chunks<Item>(items: readonly Item[]): Iterable<readonly Item[]> {
  for (let from = 0; from < items.length; from += MAX_CHANNELS_PER_COMMAND) {
    yield items.slice(from, from + MAX_CHANNELS_PER_COMMAND);
  }
}
