import { MAX_HEADS, type Position } from "@carillon/core";
import { NatsServer } from "@carillon/testkit";
import { describe, expect, it } from "vitest";
import { connectNatsBus } from "../src/index.ts";
import { append } from "./support/history.ts";

const ADDRESS = { appId: "app", channel: "large" };
const LIMITS = { messages: 1000, maxAgeMs: 60_000 };
/** Together 2.5 MB: three dozen answers of them at once are more than nats-server lets a connection wait for. */
const COUNT = 25;
const EVENT_BYTES = 100_000;
const READS = 60;
/** Each would bring 25 MB in one piece. */
const LOOKS = 8;

describe("history › many bytes", () => {
  it("as many reads of a long history as there may be at once don't cost the connection", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const writer = await connectNatsBus({ servers: [server.url] });
    for (let number = 0; number < COUNT; number++) await append(writer, ADDRESS, `${number}`.padEnd(EVENT_BYTES));
    const node = await connectNatsBus({ servers: [server.url] });
    const statuses: string[] = [];
    node.onStatus((status) => statuses.push(status));
    const query = { limits: LIMITS, since: null, limit: 1000, direction: "forward" } as const;
    const pages = await Promise.all(Array.from({ length: READS }, () => node.history.read(ADDRESS, query)));
    for (const { publications, isReachable, hasMore } of pages) {
      expect([publications.length, isReachable, hasMore]).toEqual([COUNT, true, false]);
    }
    // What is read forwards stops where it is enough, and what is read backwards keeps no more than that.
    for (const direction of ["forward", "backward"] as const) {
      const { publications, hasMore } = await node.history.read(ADDRESS, { ...query, direction, maxBytes: 1_000_000 });
      expect([publications.length, hasMore]).toEqual([10, true]);
    }
    expect(statuses).toEqual([]);
    // Each larger than an answer would be.
    const huge = { appId: "app", channel: "huge" };
    for (const text of ["first", "second"]) await append(writer, huge, text.padEnd(900_000));
    const { publications } = await node.history.read(huge, query);
    expect(publications.map(({ envelope }) => envelope.length)).toEqual([900_000, 900_000]);
    await Promise.all([writer.close(), node.close()]);
  });

  it("nor do as many looks at the newest of large channels, which are told all the same", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const writer = await connectNatsBus({ servers: [server.url] });
    const addresses = Array.from({ length: MAX_HEADS }, (_, number) => ({ appId: "app", channel: `large-${number}` }));
    const newest: Position[] = [];
    for (const address of addresses) newest.push((await append(writer, address, "".padEnd(EVENT_BYTES))).position);
    const node = await connectNatsBus({ servers: [server.url] });
    const statuses: string[] = [];
    node.onStatus((status) => statuses.push(status));
    const found = await Promise.all(Array.from({ length: LOOKS }, () => node.history.heads(addresses)));
    for (const heads of found) expect(heads).toEqual(newest);
    expect(statuses).toEqual([]);
    // One that is larger than an answer would be, and some that have nothing.
    const huge = { appId: "app", channel: "huge" };
    const { position } = await append(writer, huge, "".padEnd(900_000));
    const empty = { appId: "app", channel: "empty" };
    const heads = await node.history.heads([empty, huge, ...addresses.slice(2)]);
    expect(heads[0]?.emptyAtMs).toBeGreaterThan(0);
    expect(heads.slice(1)).toEqual([position, ...newest.slice(2)]);
    await Promise.all([writer.close(), node.close()]);
  });
});
