import { TRIMMED_SHARE } from "@carillon/core";
import { expect, it } from "vitest";
import { append, type HistorySuite, read, textsOf } from "./describe-history-suite.ts";

const TEXT_BYTES = 5_000;
const CHANNELS = 4;

/** A text of some size that begins with a number. */
function large(number: number): string {
  return `${number} `.padEnd(TEXT_BYTES, "x");
}

/** How an app is held to its bytes. */
export function describeTrim(suite: HistorySuite): void {
  it("trim › the oldest of the app go, over all of its channels, and nothing of another app", async () => {
    const nodes = [await suite.node(), await suite.node()] as const;
    const [root, other] = [suite.channel(), suite.channel()];
    const { appId } = root;
    const channelOf = (number: number) => ({ appId, channel: `channel-${number % CHANNELS}` });
    for (let number = 0; number < 80; number++) {
      await append(nodes[0], channelOf(number), large(number));
      await append(nodes[0], other, `${number}`);
    }
    const before = await nodes[0].history.trim(appId, 1_000_000_000);
    expect(before.dropped).toBe(0);
    expect(before.bytes).toBeGreaterThan(80 * TEXT_BYTES);
    // Within a tenth of what the texts alone take.
    expect(before.bytes).toBeLessThan(80 * TEXT_BYTES * 1.1);

    const maxBytes = 40 * TEXT_BYTES;
    const after = await nodes[1].history.trim(appId, maxBytes);
    expect(after.bytes).toBeLessThanOrEqual(maxBytes * TRIMMED_SHARE);
    expect(after.bytes).toBeGreaterThan(maxBytes * TRIMMED_SHARE - 3 * TEXT_BYTES);
    const kept: number[] = [];
    for (let index = 0; index < CHANNELS; index++) {
      const numbers = textsOf(await read(nodes[0], channelOf(index))).map((text) => Number.parseInt(text, 10));
      expect(numbers).toEqual(numbers.map((_, at) => (numbers[0] as number) + at * CHANNELS));
      expect(numbers.at(-1)).toBe(80 - CHANNELS + index);
      kept.push(...numbers);
    }
    expect([after.dropped, Math.min(...kept)]).toEqual([80 - kept.length, 80 - kept.length]);
    expect(textsOf(await read(nodes[0], other))).toHaveLength(50);
    // Now it has room.
    expect(await nodes[1].history.trim(appId, maxBytes)).toEqual({ bytes: after.bytes, dropped: 0 });
    // Who counted before the other dropped drops nothing more. A replica that lags may show it some of what is gone.
    const late = await nodes[0].history.trim(appId, maxBytes);
    expect(late.dropped).toBe(0);
    expect(late.bytes).toBeGreaterThanOrEqual(after.bytes);
    expect(late.bytes).toBeLessThanOrEqual(maxBytes);
    expect(textsOf(await read(nodes[0], channelOf(0)))).toHaveLength(
      kept.filter((number) => number % CHANNELS === 0).length,
    );
  });

  it("trim › what was dropped is not taken for never published, by any position", async () => {
    const node = await suite.node();
    const address = suite.channel();
    const { head: empty } = await read(node, address);
    const { position } = await append(node, address, large(1));
    await append(node, address, large(2));
    expect((await read(node, address, { since: empty })).isReachable).toBe(true);
    for (let number = 3; number < 10; number++) await append(node, { ...address, channel: "busy" }, large(number));
    await node.history.trim(address.appId, 3 * TEXT_BYTES);
    for (const since of [empty, position]) {
      expect(await read(node, address, { since })).toMatchObject({ publications: [], isReachable: false });
    }
    const { head } = await read(node, address);
    await append(node, address, large(10));
    expect((await read(node, address, { since: head })).isReachable).toBe(true);
  });
}
