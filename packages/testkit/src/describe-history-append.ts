import { expect, it } from "vitest";
import { numbers } from "./describe-bus-suite.ts";
import {
  append,
  appendAll,
  type HistorySuite,
  hear,
  LIMITS,
  read,
  textsOf,
  whenHeard,
} from "./describe-history-suite.ts";

/** What an append does. */
export function describeAppends(suite: HistorySuite): void {
  it("append › is delivered on every node with its stamp, and the stamps of a channel link up", async () => {
    const [near, far] = [await suite.node(), await suite.node()];
    const address = suite.channel();
    const other = { ...address, channel: "other" };
    const receivers = [await hear(near.bus, address), await hear(far.bus, address)];
    const offsets: number[] = [];
    for (const text of numbers(5)) {
      await append(near, other, text);
      offsets.push((await append(near, address, text)).position.offset);
    }
    const wanted = offsets.map((offset, index) => ({ offset, previousOffset: offsets[index - 1] ?? 0 }));
    for (const receiver of receivers) {
      await whenHeard(receiver, 5);
      expect(receiver.texts).toEqual(numbers(5));
      expect(receiver.stamps).toEqual(wanted);
    }
  });

  it("append › a trace goes along to every node, and leaves what is read as it is", async () => {
    const [near, far] = [await suite.node(), await suite.node()];
    const address = suite.channel();
    const receivers = [await hear(near.bus, address), await hear(far.bus, address)];
    const trace = { traceId: "1".repeat(32), spanId: "2".repeat(16), isSampled: true, state: "vendor=kept" };
    const envelope = new TextEncoder().encode("traced");
    await near.history.append(address, envelope, { limits: LIMITS, idempotencyKey: "traced", trace });
    await append(near, address, "plain");
    for (const receiver of receivers) {
      await whenHeard(receiver, 2);
      expect(receiver.traces).toEqual([trace, undefined]);
      expect(receiver.stamps[1]?.previousOffset).toBe(receiver.stamps[0]?.offset);
    }
    expect(textsOf(await read(far, address))).toEqual(["traced", "plain"]);
  });

  it("append › many at once on a channel keep the order of the calls, in offsets, delivery and reads", async () => {
    const node = await suite.node();
    const address = suite.channel();
    const receiver = await hear(node.bus, address);
    const offsets = await appendAll(node, address, numbers(40));
    expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
    await whenHeard(receiver, 40);
    expect(receiver.texts).toEqual(numbers(40));
    expect(textsOf(await read(node, address))).toEqual(numbers(40));
  });

  it("append › positions have an epoch of the right form, the same on every node and channel of a stream", async () => {
    const [near, far] = [await suite.node(), await suite.node()];
    const address = suite.channel();
    const [first, second] = [await append(near, address, "a"), await append(far, address, "b")];
    expect(first.position.epoch).toMatch(/^[A-Za-z0-9_-]{1,32}$/);
    expect(second.position.epoch).toBe(first.position.epoch);
    expect((await read(far, address)).head).toEqual(second.position);
  });

  it("append › a repeated key answers with the first position, and is neither kept nor delivered again", async () => {
    const [near, far] = [await suite.node(), await suite.node()];
    const address = suite.channel();
    const receiver = await hear(far.bus, address);
    const first = await append(near, address, "one", "key");
    expect(first.isDuplicate).toBe(false);
    await append(near, address, "two");
    for (const node of [near, far]) {
      await expect(append(node, address, "again", "key")).resolves.toEqual({
        position: first.position,
        isDuplicate: true,
      });
    }
    await append(near, address, "end");
    await whenHeard(receiver, 3);
    expect(receiver.texts).toEqual(["one", "two", "end"]);
    expect(textsOf(await read(near, address))).toEqual(["one", "two", "end"]);
  });

  it("append › the same key on another channel is another key", async () => {
    const node = await suite.node();
    const address = suite.channel();
    await append(node, address, "x", "key");
    await expect(append(node, { ...address, channel: "d" }, "x", "key")).resolves.toMatchObject({ isDuplicate: false });
    await expect(append(node, suite.channel(), "x", "key")).resolves.toMatchObject({ isDuplicate: false });
  });

  it("append › the envelope may be used again once the call returned", async () => {
    const node = await suite.node();
    const address = suite.channel();
    const envelope = new TextEncoder().encode("before");
    const appended = node.history.append(address, envelope, { limits: LIMITS, idempotencyKey: "k" });
    envelope.fill(0);
    await appended;
    expect(textsOf(await read(node, address))).toEqual(["before"]);
  });

  it("append › plain publishes on the same channel have no stamp and are not kept, and don't overtake", async () => {
    const node = await suite.node();
    const address = suite.channel();
    const receiver = await hear(node.bus, address);
    await Promise.all([
      append(node, address, "kept-1"),
      node.bus.publish(address, new TextEncoder().encode("plain")),
      node.bus.publish(address, new TextEncoder().encode("keyed"), { idempotencyKey: "keyed" }),
      append(node, address, "kept-2"),
    ]);
    await whenHeard(receiver, 4);
    expect(receiver.texts).toEqual(["kept-1", "plain", "keyed", "kept-2"]);
    expect(receiver.stamps.map((stamp) => stamp !== undefined)).toEqual([true, false, false, true]);
    expect(textsOf(await read(node, address))).toEqual(["kept-1", "kept-2"]);
  });

  it("append › odd names of apps and channels are kept apart", async () => {
    const node = await suite.node();
    const { appId } = suite.channel();
    const places = [
      { appId, channel: "a.b" },
      { appId, channel: "a" },
      { appId, channel: ">" },
      { appId, channel: "*" },
      { appId, channel: "epoch" },
      { appId, channel: "あ\r\n🔔" },
      { appId: `${appId}.a`, channel: "b" },
      { appId: `${appId}-epoch`, channel: "" },
    ];
    for (const [index, place] of places.entries()) await append(node, place, `${index}`);
    for (const [index, place] of places.entries()) expect(textsOf(await read(node, place))).toEqual([`${index}`]);
  });
}
