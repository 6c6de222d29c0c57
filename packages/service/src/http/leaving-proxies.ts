import type { Clock } from "@carillon/core";

/** Most proxies that may be on their way out at a time; those named first are forgotten first. */
const MAX_PROXIES = 1000;

/** The proxies before a server that are about to end, each for a while. */
export class LeavingProxies {
  readonly #clock: Clock;
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True when there are none, so that nobody needs to be asked about. */
  get isEmpty(): boolean {
    return this.#untilMs.size === 0;
  }

  /** The proxy at this address is about to end; forgotten after `forMs`, or after the longest time that it was named with. */
  add(address: string, forMs: number): void {
    const nowMs = this.#clock.monotonic();
    for (const [each, untilMs] of this.#untilMs) if (untilMs <= nowMs) this.#untilMs.delete(each);
    const untilMs = Math.max(nowMs + forMs, this.#untilMs.get(address) ?? 0);
    this.#untilMs.delete(address);
    this.#untilMs.set(address, untilMs);
    for (const oldest of this.#untilMs.keys()) {
      if (this.#untilMs.size <= MAX_PROXIES) break;
      this.#untilMs.delete(oldest);
    }
  }

  /** Whether the proxy at this address is about to end. */
  has(address: string): boolean {
    const untilMs = this.#untilMs.get(address);
    if (untilMs === undefined) return false;
    if (this.#clock.monotonic() < untilMs) return true;
    this.#untilMs.delete(address);
    return false;
  }
}
