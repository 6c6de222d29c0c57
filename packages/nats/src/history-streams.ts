import type { ChannelAddress } from "@carillon/core";
import { type HistorySettings, streamOfPartition } from "./history-config.ts";
import { HistoryStream, type HistoryStreamOptions } from "./history-stream.ts";
import { escapeToken, partitionOf } from "./subject.ts";

/** A channel and its place in a list. */
export interface PlacedAddress {
  readonly address: ChannelAddress;
  readonly index: number;
}

/** The streams that histories are spread over. */
export class HistoryStreams {
  readonly #streams: readonly HistoryStream[];
  readonly #settings: HistorySettings;

  constructor(options: Omit<HistoryStreamOptions, "index" | "first">) {
    this.#settings = options.settings;
    const first = new HistoryStream({ ...options, index: 0, first: null });
    const others = Array.from(
      { length: options.settings.streams - 1 },
      (_, index) => new HistoryStream({ ...options, index: index + 1, first }),
    );
    this.#streams = [first, ...others];
  }

  get all(): readonly HistoryStream[] {
    return this.#streams;
  }

  /** The stream of a channel. */
  of({ appId, channel }: ChannelAddress): HistoryStream {
    const partition = partitionOf(escapeToken(appId), escapeToken(channel));
    return this.#streams[streamOfPartition(partition, this.#settings.streams)] as HistoryStream;
  }

  /** Channels by their stream, each with its place in the list. */
  group(addresses: readonly ChannelAddress[]): ReadonlyMap<HistoryStream, readonly PlacedAddress[]> {
    const groups = new Map<HistoryStream, PlacedAddress[]>();
    for (const [index, address] of addresses.entries()) {
      const stream = this.of(address);
      const group = groups.get(stream);
      if (group === undefined) groups.set(stream, [{ address, index }]);
      else group.push({ address, index });
    }
    return groups;
  }

  /** Notes that a publication of stream number `stream` was delivered. */
  noteDelivered(stream: number, offset: number): void {
    this.#streams[stream]?.noteDelivered(offset);
  }

  /** The connection was lost: whatever was known of the streams may be no more. */
  forget(): void {
    for (const stream of this.#streams) stream.forget();
  }
}
