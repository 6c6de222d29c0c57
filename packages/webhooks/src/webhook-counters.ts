import type { Attempt, Outcome } from "./webhook-sender.ts";

/** Upper bounds of the duration buckets, in seconds: from an endpoint next door to one at the end of its time. */
export const ATTEMPT_BOUNDS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

/** What a worker counts. Plain numbers, read by the metrics endpoint when it is asked. They only ever grow. */
export class WebhookCounters {
  readonly #attempts = new Map<Outcome, number>();
  readonly #durations: number[] = new Array(ATTEMPT_BOUNDS_SECONDS.length + 1).fill(0);
  #durationSumSeconds = 0;
  #delivered = 0;
  #dead = 0;

  /** Requests, by how they ended. */
  get attempts(): ReadonlyMap<Outcome, number> {
    return this.#attempts;
  }

  /** Events that an endpoint took. */
  get delivered(): number {
    return this.#delivered;
  }

  /** Events that were given up. */
  get dead(): number {
    return this.#dead;
  }

  /** Requests by how long they took: as many as {@link ATTEMPT_BOUNDS_SECONDS}, each up to its bound, and one beyond. */
  get durations(): readonly number[] {
    return this.#durations;
  }

  /** All durations together. */
  get durationSumSeconds(): number {
    return this.#durationSumSeconds;
  }

  /** A request with so many events has ended. */
  attempted({ outcome }: Attempt, events: number, durationMs: number): void {
    const seconds = durationMs / 1000;
    const bucket = ATTEMPT_BOUNDS_SECONDS.findIndex((bound) => seconds <= bound);
    const index = bucket === -1 ? ATTEMPT_BOUNDS_SECONDS.length : bucket;
    this.#durations[index] = (this.#durations[index] ?? 0) + 1;
    this.#durationSumSeconds += seconds;
    this.#attempts.set(outcome, (this.#attempts.get(outcome) ?? 0) + 1);
    if (outcome === "delivered") this.#delivered += events;
  }

  /** So many events were given up. */
  buried(events: number): void {
    this.#dead += events;
  }
}
