import type { Clock, Timer } from "./ports/clock.ts";

const SLOT_MS = 1000;

/**
 * Calls back when a time in the wall clock has come, to the second: one timer for all entries instead of one for each.
 * Entries that are removed leave nothing behind.
 */
export class ExpiryWheel<T> {
  readonly #clock: Clock;
  readonly #onExpired: (entry: T) => void;
  readonly #slots = new Map<number, Set<T>>();
  readonly #timer: Timer;

  constructor(options: { readonly clock: Clock; readonly onExpired: (entry: T) => void }) {
    this.#clock = options.clock;
    this.#onExpired = options.onExpired;
    this.#timer = this.#clock.every(SLOT_MS, () => this.#turn());
  }

  /** Adds an entry that expires at `atMs` (since 1970); it fires within a second after that, never before. */
  add(entry: T, atMs: number): void {
    const slot = slotOf(atMs);
    const entries = this.#slots.get(slot);
    if (entries === undefined) this.#slots.set(slot, new Set([entry]));
    else entries.add(entry);
  }

  /** Removes an entry that was added for `atMs`. Unknown ones are ignored. */
  remove(entry: T, atMs: number): void {
    const slot = slotOf(atMs);
    const entries = this.#slots.get(slot);
    if (entries?.delete(entry) && entries.size === 0) this.#slots.delete(slot);
  }

  /** Ends it; nothing fires any more. */
  close(): void {
    this.#timer.cancel();
    this.#slots.clear();
  }

  #turn(): void {
    const nowMs = this.#clock.now();
    for (const [slot, entries] of this.#slots) {
      if (slot * SLOT_MS > nowMs) continue;
      this.#slots.delete(slot);
      for (const entry of entries) this.#onExpired(entry);
    }
  }
}

function slotOf(atMs: number): number {
  return Math.ceil(atMs / SLOT_MS);
}
