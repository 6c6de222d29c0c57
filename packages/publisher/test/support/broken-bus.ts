import {
  type Bus,
  type BusPublishResult,
  type BusStatus,
  BusUnavailableError,
  type ChannelAddress,
} from "@carillon/core";

/** What a publish on the bus meets, by the name of its channel. */
export type Fate = (address: ChannelAddress) => Promise<BusPublishResult>;

/** The result of a bus that took an event over. */
export const TAKEN: BusPublishResult = { isDuplicate: false };

/** A backbone that goes away in the middle: each publish meets the fate that the test gives it. */
export class BrokenBus implements Bus {
  readonly status: BusStatus = "connected";
  readonly #fate: Fate;

  constructor(fate: Fate) {
    this.#fate = fate;
  }

  subscribe(): Promise<void> {
    return Promise.reject(new BusUnavailableError("the bus is broken"));
  }

  unsubscribe(): void {
    // It never has any interest.
  }

  publish(address: ChannelAddress): Promise<BusPublishResult> {
    return this.#fate(address);
  }

  onStatus(): () => void {
    return () => undefined;
  }

  onDoubt(): () => void {
    return () => undefined;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
