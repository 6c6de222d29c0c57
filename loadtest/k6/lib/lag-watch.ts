import { clearInterval, setInterval } from "k6/timers";
import type { Meter } from "./meter.ts";

const PERIOD_MS = 100;

/** Sees how late the timers of this thread are: by as much, the times that it measures may be too long. */
export class LagWatch {
  readonly #meter: Meter;
  #timer: number | null = null;

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  /** Begins to look; what it sees counts as `name`. */
  start(name: "connect_lag_ms" | "generator_lag_ms"): void {
    this.stop();
    let dueMs = Date.now() + PERIOD_MS;
    this.#timer = setInterval(() => {
      const nowMs = Date.now();
      this.#meter.time(name, nowMs - dueMs);
      dueMs = nowMs + PERIOD_MS;
    }, PERIOD_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
