import type { Clock, Timer } from "../ports/clock.ts";

/** Things that are due after the same time, in the order in which they came. One timer, however many there are. */
export class GraceQueue<T> {
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #onDue: (item: T) => void;
  #items: { readonly item: T; readonly dueMs: number }[] = [];
  #timer: Timer | null = null;

  constructor(options: { readonly clock: Clock; readonly graceMs: number; readonly onDue: (item: T) => void }) {
    this.#clock = options.clock;
    this.#graceMs = options.graceMs;
    this.#onDue = options.onDue;
  }

  /** `onDue` is called with it after the grace. */
  add(item: T): void {
    this.#items.push({ item, dueMs: this.#clock.monotonic() + this.#graceMs });
    this.#timer ??= this.#clock.after(this.#graceMs, () => this.#run());
  }

  /** Forgets everything. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#items = [];
  }

  #run(): void {
    this.#timer = null;
    const nowMs = this.#clock.monotonic();
    const firstLater = this.#items.findIndex(({ dueMs }) => dueMs > nowMs);
    const due = this.#items.splice(0, firstLater === -1 ? this.#items.length : firstLater);
    for (const { item } of due) this.#onDue(item);
    const [next] = this.#items;
    if (next !== undefined) this.#timer ??= this.#clock.after(next.dueMs - nowMs, () => this.#run());
  }
}
