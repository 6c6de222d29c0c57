import { type HistoryPage, MAX_HEADS, type Position } from "@carillon/core";
import { expect, it } from "vitest";
import { numbers } from "./describe-bus-suite.ts";
import { append, appendAll, type HistorySuite, LIMITS, read, textsOf } from "./describe-history-suite.ts";
import { eventually } from "./eventually.ts";

/** What a read answers. */
export function describeReads(suite: HistorySuite): void {
  it("read › a channel that has nothing is empty, with a head from which all that follows can be told", async () => {
    const nodes = [await suite.node(), await suite.node()] as const;
    const address = suite.channel();
    await append(nodes[0], suite.channel("another"), "not this one");
    for (const direction of ["forward", "backward"] as const) {
      const page = await read(nodes[0], address, { direction });
      expect(page).toMatchObject({ publications: [], isReachable: true, hasMore: false });
      expect(page.head.emptyAtMs).toBeTypeOf("number");
    }
    const { head } = await read(nodes[0], address);
    expect(await read(nodes[1], address, { since: head })).toMatchObject({ publications: [], isReachable: true });
    await append(nodes[0], suite.channel("another"), "nor this one");
    await appendAll(nodes[0], address, numbers(LIMITS.messages));
    const full = await read(nodes[1], address, { since: head });
    expect(full.isReachable).toBe(true);
    expect(textsOf(full)).toEqual(numbers(LIMITS.messages));
    // Now its first is kept no more.
    await append(nodes[0], address, "one too many");
    expect((await read(nodes[1], address, { since: head })).isReachable).toBe(false);
  });

  it("read › an empty position proves nothing once what came after it may have gone by its age", async () => {
    const node = await suite.node();
    const address = suite.channel();
    const limits = { ...LIMITS, maxAgeMs: 300 };
    const { head } = await read(node, address, { limits });
    await append(node, address, "soon too old");
    await eventually(async () => {
      suite.harness.passTime?.(100);
      expect((await read(node, address, { limits, since: head })).isReachable).toBe(false);
    });
  });

  it("heads › the newest position of each channel, whoever appended, however many there are", async () => {
    const nodes = [await suite.node(), await suite.node()] as const;
    const root = suite.channel();
    const addresses = numbers(MAX_HEADS).map((name) => ({ ...root, channel: `channel-${name}` }));
    const empty = await nodes[0].history.heads(addresses);
    expect(empty).toHaveLength(MAX_HEADS);
    expect(empty.every(({ emptyAtMs }) => emptyAtMs !== undefined)).toBe(true);
    const appended = await Promise.all(
      addresses.map((address, index) => append(nodes[index % 2 === 0 ? 0 : 1], address, "a")),
    );
    for (const node of nodes)
      expect(await node.history.heads(addresses)).toEqual(appended.map(({ position }) => position));
    expect(await nodes[0].history.heads([])).toEqual([]);
  });

  it("read › has what any node appended before the call", async () => {
    const nodes = [await suite.node(), await suite.node(), await suite.node()] as const;
    const address = suite.channel();
    for (const text of numbers(30)) {
      const { position } = await append(nodes[0], address, text);
      for (const node of nodes) {
        const page = await read(node, address, { direction: "backward", limit: 1 });
        expect(page.head).toEqual(position);
        expect(textsOf(page)).toEqual([text]);
      }
    }
  });

  it("read › pages go forward by the last position, and backward gives the newest first", async () => {
    const node = await suite.node();
    const address = suite.channel();
    const offsets = await appendAll(node, address, numbers(10));
    const first = await read(node, address, { limit: 4 });
    expect(textsOf(first)).toEqual(["0", "1", "2", "3"]);
    expect(first).toMatchObject({ hasMore: true, isReachable: true, head: { offset: offsets[9] } });
    const since = { epoch: first.head.epoch, offset: offsets[3] as number };
    const second = await read(node, address, { limit: 6, since });
    expect(textsOf(second)).toEqual(["4", "5", "6", "7", "8", "9"]);
    expect(second).toMatchObject({ hasMore: false, isReachable: true });
    const backward = await read(node, address, { limit: 3, direction: "backward" });
    expect(textsOf(backward)).toEqual(["9", "8", "7"]);
    expect(backward.publications.map(({ offset }) => offset)).toEqual(offsets.slice(-3).reverse());
    expect(backward.hasMore).toBe(true);
    expect((await read(node, address, { limit: 10, direction: "backward" })).hasMore).toBe(false);
  });

  it("read › no more bytes than asked for, but one publication at least; pages of them bring everything", async () => {
    const node = await suite.node();
    const address = suite.channel();
    // One byte each.
    await appendAll(node, address, numbers(10));
    const forward = await read(node, address, { maxBytes: 3 });
    expect([textsOf(forward), forward.hasMore, forward.isReachable]).toEqual([["0", "1", "2"], true, true]);
    const backward = await read(node, address, { maxBytes: 3, direction: "backward" });
    expect([textsOf(backward), backward.hasMore]).toEqual([["9", "8", "7"], true]);
    for (const direction of ["forward", "backward"] as const) {
      const all = await read(node, address, { maxBytes: 10, direction });
      expect([all.publications.length, all.hasMore]).toEqual([10, false]);
      const least = await read(node, address, { maxBytes: 0, direction });
      expect([textsOf(least), least.hasMore]).toEqual([[direction === "forward" ? "0" : "9"], true]);
    }
    const texts: string[] = [];
    let since: Position | null = null;
    for (let hasMore = true; hasMore; ) {
      const page: HistoryPage = await read(node, address, { maxBytes: 3, since });
      texts.push(...textsOf(page));
      since = { epoch: page.head.epoch, offset: page.publications.at(-1)?.offset ?? 0 };
      hasMore = page.hasMore;
    }
    expect(texts).toEqual(numbers(10));
  });

  it("reachability › true at the head and behind anything kept, with all that followed", async () => {
    const node = await suite.node();
    const address = suite.channel();
    const offsets = await appendAll(node, address, numbers(20));
    const { epoch } = (await read(node, address)).head;
    for (const [index, offset] of offsets.entries()) {
      const page = await read(node, address, { since: { epoch, offset } });
      expect(page.isReachable).toBe(true);
      expect(textsOf(page)).toEqual(numbers(20).slice(index + 1));
    }
  });

  it("reachability › false for another epoch, for what was never given out, and for what was dropped", async () => {
    const node = await suite.node();
    const address = suite.channel();
    const offsets = await appendAll(node, address, numbers(20));
    const { head } = await read(node, address);
    const limits = { ...LIMITS, messages: 5 };
    const positions = [
      { since: { epoch: "another", offset: head.offset }, limits: LIMITS },
      { since: { epoch: "another", offset: 0 }, limits: LIMITS },
      { since: { ...head, offset: head.offset + 1 }, limits: LIMITS },
      // Fourteen publications came after it, and five count as kept.
      { since: { ...head, offset: offsets[5] as number }, limits },
      { since: { ...head, offset: 0 }, limits },
    ];
    for (const query of positions) {
      const page = await read(node, address, query);
      expect(page, JSON.stringify(query)).toMatchObject({ isReachable: false, head });
    }
    const reachable = await read(node, address, { since: { ...head, offset: offsets[15] as number }, limits });
    expect(reachable.isReachable).toBe(true);
    expect(textsOf(reachable)).toEqual(["16", "17", "18", "19"]);
  });

  it("limits › only the newest count, however many are stored, in both directions", async () => {
    const node = await suite.node();
    const address = suite.channel();
    await appendAll(node, address, numbers(45));
    const limits = { ...LIMITS, messages: 7 };
    expect(textsOf(await read(node, address, { limits }))).toEqual(numbers(45).slice(-7));
    expect(textsOf(await read(node, address, { limits, limit: 2 }))).toEqual(["38", "39"]);
    const backward = await read(node, address, { limits, direction: "backward" });
    expect(textsOf(backward)).toEqual(numbers(45).slice(-7).reverse());
    expect(backward.hasMore).toBe(false);
  });

  it("limits › more than the store keeps drops the oldest, and tells", async () => {
    const node = await suite.node();
    const address = suite.channel();
    const offsets = await appendAll(node, address, numbers(80));
    const page = await read(node, address);
    expect(textsOf(page)).toEqual(numbers(80).slice(-50));
    const { epoch } = page.head;
    const lost = await read(node, address, { since: { epoch, offset: offsets[0] as number } });
    expect(lost.isReachable).toBe(false);
  });

  it("limits › what is too old is not read, and makes positions before it unreachable", async () => {
    const node = await suite.node();
    const address = suite.channel();
    const first = await append(node, address, "old");
    await append(node, address, "older than the limit");
    const limits = { ...LIMITS, maxAgeMs: 300 };
    const page = await eventually(async () => {
      suite.harness.passTime?.(100);
      const found = await read(node, address, { limits, since: first.position });
      expect(textsOf(found)).toEqual([]);
      return found;
    });
    expect(page.isReachable).toBe(false);
    const newest = await append(node, address, "new");
    const since = null;
    expect(textsOf(await read(node, address, { limits: LIMITS, since, direction: "backward", limit: 1 }))).toEqual([
      "new",
    ]);
    expect((await read(node, address, { limits, since: newest.position })).isReachable).toBe(true);
  });
}
