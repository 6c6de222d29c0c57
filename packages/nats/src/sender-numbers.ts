/** Senders whose last number is remembered; ids are drawn anew at each start, so the list would grow for ever. */
const MAX_SENDERS = 10_000;

/** `next`: nothing is missing. `repeat`: it was here before, or something later was. `gap`: something before it is missing. */
export type NumberVerdict = "next" | "repeat" | "gap";

/** The numbers of what senders sent, which rise by one. */
export class SenderNumbers {
  readonly #last = new Map<string, number>();
  /** Of whom it is known that something may be missing. */
  #forgiven = new Set<string>();

  /** Takes the number of what has arrived, 1 or more. The first of a sender is the next, whatever it is. */
  take(sender: string, number: number): NumberVerdict {
    const last = this.#last.get(sender) ?? 0;
    // Not `<=`: a number that is none must not pass.
    if (!(number > last)) return "repeat";
    this.#remember(sender, number);
    const isForgiven = this.#forgiven.delete(sender);
    return isForgiven || last === 0 || number === last + 1 ? "next" : "gap";
  }

  /** Nothing could arrive until now: what comes next of anybody is no gap, whatever is missing before it. */
  forgive(): void {
    this.#forgiven = new Set(this.#last.keys());
  }

  /** Those heard least lately are forgotten first. */
  #remember(sender: string, number: number): void {
    this.#last.delete(sender);
    this.#last.set(sender, number);
    if (this.#last.size <= MAX_SENDERS) return;
    for (const oldest of this.#last.keys()) {
      this.#last.delete(oldest);
      this.#forgiven.delete(oldest);
      return;
    }
  }
}
