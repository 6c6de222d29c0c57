/** Senders whose last number is remembered; ids are drawn anew at each start, so the list would grow for ever. */
const MAX_SENDERS = 10_000;
/** Who was silent for longer is gone, and not cut off. */
const GONE_MS = 300_000;

/**
 * What a number says. `next`: nothing is missing. `repeat`: it was here before, or something later was. `gap`: something
 * before it is missing, of the time since the sender was heard last.
 */
export type NumberVerdict = { readonly kind: "next" | "repeat" } | { readonly kind: "gap"; readonly silentMs: number };

const NEXT: NumberVerdict = { kind: "next" };
const REPEAT: NumberVerdict = { kind: "repeat" };

/** The numbers of what senders sent, which rise by one. Times are monotonic. */
export class SenderNumbers {
  readonly #last = new Map<string, { readonly number: number; readonly atMs: number }>();
  /** Of whom it is known that something may be missing. */
  #forgiven = new Set<string>();

  /** Takes the number of what has arrived, 1 or more. The first of a sender is the next, whatever it is. */
  take(sender: string, number: number, nowMs: number): NumberVerdict {
    const last = this.#last.get(sender);
    // Not `<=`: a number that is none must not pass.
    if (!(number > (last?.number ?? 0))) return REPEAT;
    this.#remember(sender, number, nowMs);
    const isForgiven = this.#forgiven.delete(sender);
    if (isForgiven || last === undefined || number === last.number + 1) return NEXT;
    return { kind: "gap", silentMs: nowMs - last.atMs };
  }

  /** How long ago any of those who are heard at all was heard last; 0 without any. */
  longestSilenceMs(nowMs: number): number {
    let longest = 0;
    for (const { atMs } of this.#last.values()) {
      const silentMs = nowMs - atMs;
      if (silentMs > longest && silentMs < GONE_MS) longest = silentMs;
    }
    return longest;
  }

  /** Nothing could arrive until now: what comes next of anybody is no gap, whatever is missing before it. */
  forgive(): void {
    this.#forgiven = new Set(this.#last.keys());
  }

  /** Those heard least lately are forgotten first. */
  #remember(sender: string, number: number, atMs: number): void {
    this.#last.delete(sender);
    this.#last.set(sender, { number, atMs });
    if (this.#last.size <= MAX_SENDERS) return;
    for (const oldest of this.#last.keys()) {
      this.#last.delete(oldest);
      this.#forgiven.delete(oldest);
      return;
    }
  }
}
