import type { Clock, Timer } from "./ports/clock.ts";

// An entry waits for the end of its slot, and then for the next turn: twice this at most.
const SLOT_MS = 500;

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
      // One by one, so that an entry which the end of another one removes doesn't fire.
      for (const entry of entries) {
        entries.delete(entry);
        this.#onExpired(entry);
      }
      // Removing its last entry has deleted the slot already, and another may have taken its place.
      if (this.#slots.get(slot) === entries) this.#slots.delete(slot);
    }
  }
}

function slotOf(atMs: number): number {
  return Math.ceil(atMs / SLOT_MS);
}
