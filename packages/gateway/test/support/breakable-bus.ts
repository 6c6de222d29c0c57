import { type BusStatus, BusUnavailableError, MemoryBus } from "@carillon/core";

/** A bus that a test can take away: nothing can be subscribed to meanwhile. */
export class BreakableBus extends MemoryBus {
  readonly #hearers = new Set<(status: BusStatus) => void>();
  #isAway = false;

  set isAway(isAway: boolean) {
    this.#isAway = isAway;
    for (const hearer of this.#hearers) hearer(this.status);
  }

  override get status(): BusStatus {
    return this.#isAway ? "disconnected" : super.status;
  }

  override onStatus(listener: (status: BusStatus) => void): () => void {
    const stop = super.onStatus(listener);
    this.#hearers.add(listener);
    return () => {
      this.#hearers.delete(listener);
      stop();
    };
  }

  override subscribe(receiver: Parameters<MemoryBus["subscribe"]>[0]): Promise<void> {
    return this.#isAway
      ? Promise.reject(new BusUnavailableError("the test has taken it away"))
      : super.subscribe(receiver);
  }
}
