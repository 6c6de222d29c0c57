import type { HistoryCounters } from "./history-counters.ts";
import type { HistoryTail } from "./history-reader.ts";
import type { Hub } from "./hub.ts";
import type { LoggedChannel } from "./logged-channel.ts";
import type { Position, StoredPublication } from "./ports/history-store.ts";
import { formatPosition } from "./position.ts";

/** What a HistoryDelivery stands on. */
export interface HistoryDeliveryOptions {
  readonly hub: Pick<Hub, "deliver" | "announceGap">;
  readonly counters: HistoryCounters;
}

/** Brings what a channel's log has to the channel's clients, in its order, and tells them where something is missing. */
export class HistoryDelivery {
  readonly #options: HistoryDeliveryOptions;

  constructor(options: HistoryDeliveryOptions) {
    this.#options = options;
  }

  deliver({ channel, log }: LoggedChannel, { offset, envelope }: StoredPublication): void {
    // Even while the stream may be another one since: who keeps its older position would be sent this again elsewhere,
    // and a position of a stream that is no more proves nothing.
    const position = log.epoch === "" ? undefined : formatPosition({ epoch: log.epoch, offset });
    this.#options.hub.deliver(channel, envelope, position);
  }

  /** What has no place in the order of the others. */
  deliverUnplaced({ channel }: LoggedChannel, envelope: Uint8Array): void {
    this.#options.hub.deliver(channel, envelope);
  }

  /** Takes what was read into the log, and delivers what is new in it. */
  fill(logged: LoggedChannel, publications: readonly StoredPublication[]): void {
    for (const entry of logged.log.fill(publications)) this.deliver(logged, entry);
  }

  /** Delivers what is held back and follows on the last one. */
  drain(logged: LoggedChannel): void {
    for (let entry = logged.log.takeLinked(); entry !== null; entry = logged.log.takeLinked()) {
      this.deliver(logged, entry);
    }
  }

  /** Delivers what is held back though something before it is missing, which the clients are told. */
  releaseHeld(logged: LoggedChannel): void {
    const { log } = logged;
    for (let held = log.takeHeld(); held !== null; held = log.takeHeld()) {
      if (!held.isLinked) this.tellGap(logged, null);
      this.deliver(logged, held.entry);
    }
    log.clearOverflow();
  }

  /** Tells that something is lost, and goes on with the oldest that the store still has. */
  skipLost(logged: LoggedChannel, { publications, head }: HistoryTail): void {
    const { log } = logged;
    log.skipTo(publications.length === 0 ? head.offset : log.last);
    this.tellGap(logged, publications.length === 0 ? log.position : null);
    this.fill(logged, publications);
  }

  /** `position`: where the clients stand behind what is lost; null when something that is still to come is behind it too. */
  tellGap({ channel }: LoggedChannel, position: Position | null): void {
    this.#options.counters.gaps++;
    this.#options.hub.announceGap(channel, position === null ? undefined : formatPosition(position));
  }
}
