import type { NatsLog } from "./log.ts";

const LOG_INTERVAL_MS = 10_000;

/**
 * Tells the operator of missing permissions: the first one at once, then at most one every ten seconds with the number in
 * between, because a wrong permission is refused for each message.
 */
export class RefusalLog {
  readonly #log: NatsLog;
  #quietUntilMs = 0;
  #suppressed = 0;

  constructor(log: NatsLog) {
    this.#log = log;
  }

  /** Notes that NATS refused `operation` ("publish" or "subscription") on `subject`. */
  note(operation: string, subject: string): void {
    const nowMs = performance.now();
    if (nowMs < this.#quietUntilMs) {
      this.#suppressed++;
      return;
    }
    this.#quietUntilMs = nowMs + LOG_INTERVAL_MS;
    this.#log.error("nats_permission_denied", { operation, subject, suppressed: this.#suppressed });
    this.#suppressed = 0;
  }
}
