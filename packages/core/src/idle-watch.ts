import { ExpiryWheel } from "./expiry-wheel.ts";
import type { Clock } from "./ports/clock.ts";

/** A connection whose client must give a sign of life now and then. */
export interface Watched {
  /** When something was last heard, in monotonic ms. */
  readonly heardAtMs: number;
  /** Nothing was heard for too long. Not called again. */
  onSilent(): void;
}

/**
 * Notices connections of which nothing is heard. A sign of life costs one assignment: a connection is only looked at when
 * its time could be up.
 */
export class IdleWatch {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #dueAtMs = new Map<Watched, number>();
  readonly #wheel: ExpiryWheel<Watched>;

  constructor(options: { readonly clock: Clock; readonly timeoutMs: number }) {
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs;
    this.#wheel = new ExpiryWheel({ clock: options.clock, onExpired: (watched) => this.#look(watched) });
  }

  /** Watches one, from its last sign of life on. */
  add(watched: Watched): void {
    const leftMs = this.#timeoutMs - (this.#clock.monotonic() - watched.heardAtMs);
    const dueAtMs = this.#clock.now() + leftMs;
    this.#dueAtMs.set(watched, dueAtMs);
    this.#wheel.add(watched, dueAtMs);
  }

  /** Ends it. Unknown ones are ignored. */
  remove(watched: Watched): void {
    const dueAtMs = this.#dueAtMs.get(watched);
    if (dueAtMs === undefined) return;
    this.#dueAtMs.delete(watched);
    this.#wheel.remove(watched, dueAtMs);
  }

  /** Ends all of it. */
  close(): void {
    this.#wheel.close();
    this.#dueAtMs.clear();
  }

  #look(watched: Watched): void {
    this.#dueAtMs.delete(watched);
    if (this.#clock.monotonic() - watched.heardAtMs < this.#timeoutMs) this.add(watched);
    else watched.onSilent();
  }
}
