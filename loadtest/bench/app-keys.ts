/** Key of an app of the bench's configuration, by its number; the first is the one that scenarios with one app use. */
export function appKey(number: number): string {
  return number === 0 ? "app-key" : `app-key-${number}`;
}
