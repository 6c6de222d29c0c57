import type { ChannelAddress, HistoryQuery } from "@carillon/core";
import type { NatsServer } from "@carillon/testkit";
import { connect, type StreamInfo } from "nats";
import type { NatsBus } from "../../src/index.ts";
import { bytes } from "./helpers.ts";

const LIMITS = { messages: 1000, maxAgeMs: 3_600_000 };
const decoder = new TextDecoder();

/** Appends a text, with the text as the key. */
export function append(bus: NatsBus, address: ChannelAddress, text: string, key = text) {
  return bus.history.append(address, bytes(text), { limits: LIMITS, idempotencyKey: key });
}

/** Reads forwards from the oldest, up to 1,000, unless told otherwise. */
export function read(bus: NatsBus, address: ChannelAddress, query: Partial<HistoryQuery> = {}) {
  return bus.history.read(address, { limits: LIMITS, since: null, limit: 1000, direction: "forward", ...query });
}

/** The texts of all that is kept of a channel. */
export async function texts(bus: NatsBus, address: ChannelAddress): Promise<string[]> {
  return (await read(bus, address)).publications.map(({ envelope }) => decoder.decode(envelope));
}

/** What the server tells of the streams of histories, by name. */
export async function streams(server: NatsServer): Promise<Map<string, StreamInfo>> {
  const client = await connect({ servers: [server.url] });
  try {
    const manager = await client.jetstreamManager();
    const found = await manager.streams.list().next();
    return new Map(
      found.filter(({ config }) => config.name.includes("_HIST_")).map((info) => [info.config.name, info]),
    );
  } finally {
    await client.close();
  }
}
