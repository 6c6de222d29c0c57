import type { ChannelAddress, HistoryPage, Position } from "@carillon/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import {
  append,
  type HistoryNode,
  type HistorySuite,
  hear,
  LIMITS,
  read,
  textsOf,
  whenHeard,
} from "./describe-history-suite.ts";

const CHANNELS = 3;

type Step =
  | { readonly kind: "append"; readonly channel: number; readonly count: number; readonly node: number }
  | { readonly kind: "repeat"; readonly channel: number; readonly which: number; readonly node: number }
  | {
      readonly kind: "read";
      readonly channel: number;
      readonly node: number;
      /** Which publication to read from, as a part of all; negative: from before all, or from none. */
      readonly since: number;
      readonly limit: number;
      readonly messages: number;
      readonly isBackward: boolean;
    };

const channel = fc.nat(CHANNELS - 1);
const node = fc.nat(1);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("append" as const), channel, node, count: fc.integer({ min: 1, max: 25 }) }),
    fc.record({
      kind: fc.constant("repeat" as const),
      channel,
      node,
      which: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    fc.record({
      kind: fc.constant("read" as const),
      channel,
      node,
      since: fc.double({ min: -0.5, max: 1, noNaN: true }),
      limit: fc.integer({ min: 1, max: 60 }),
      messages: fc.integer({ min: 1, max: 50 }),
      isBackward: fc.boolean(),
    }),
  ),
  { minLength: 3, maxLength: 25 },
);

interface Entry {
  readonly text: string;
  readonly offset: number;
}

/** A channel as it must be: everything that was ever appended, in order. */
class ChannelModel {
  readonly address: ChannelAddress;
  readonly entries: Entry[] = [];
  /** Where it stood before anything was appended. */
  readonly start: Position;

  constructor(address: ChannelAddress, start: Position) {
    this.address = address;
    this.start = start;
  }

  check(page: HistoryPage, step: Extract<Step, { kind: "read" }>): void {
    const { limit, messages, isBackward } = step;
    const since = this.sinceOf(step);
    const kept = this.entries.slice(-messages);
    const newest = this.entries.at(-1);
    if (newest === undefined) expect(page.head.emptyAtMs).toBeTypeOf("number");
    else expect(page.head).toEqual({ epoch: page.head.epoch, offset: newest.offset });
    const found = textsOf(page);
    if (isBackward) {
      expect(found).toEqual(
        kept
          .slice(-limit)
          .reverse()
          .map(({ text }) => text),
      );
      expect(page.hasMore).toBe(kept.length > limit);
      return;
    }
    const after = kept.filter(({ offset }) => offset > (since?.offset ?? 0));
    expect(found).toEqual(after.slice(0, limit).map(({ text }) => text));
    expect(page.hasMore).toBe(after.length > limit);
    if (since === null) expect(page.isReachable).toBe(true);
    // Never true falsely: something after the position is kept no more.
    const missed = this.entries.filter(({ offset }) => offset > (since?.offset ?? 0));
    if (since !== null && missed.length > messages) expect(page.isReachable).toBe(false);
    // Where the position itself is kept as well, the proof is at hand.
    if (since !== null && missed.length < messages) expect(page.isReachable).toBe(true);
  }

  sinceOf({ since, isBackward }: Extract<Step, { kind: "read" }>): Omit<Position, "epoch"> | null {
    if (since < -0.25 || isBackward) return null;
    if (since < 0) return this.start;
    return this.entries[Math.min(Math.floor(since * this.entries.length), this.entries.length - 1)] ?? null;
  }
}

/** Random appends and reads over several channels and nodes, against what must come out. */
export function describeHistoryModel(suite: HistorySuite): void {
  it("law › any appends and reads answer as a plain list of all publications would, and stamps link up", async () => {
    const nodes = [await suite.node(), await suite.node()];
    const nodeOf = (index: number) => nodes[index] as HistoryNode;
    await fc.assert(
      fc.asyncProperty(steps, async (run) => {
        const root = suite.channel();
        const models = await Promise.all(
          Array.from({ length: CHANNELS }, async (_, index) => {
            const address = { ...root, channel: `${index}` };
            return new ChannelModel(address, (await read(nodeOf(0), address)).head);
          }),
        );
        const receivers = await Promise.all(models.map(({ address }) => hear(nodeOf(1).bus, address)));
        for (const step of run) await perform(nodeOf(step.node), models[step.channel] as ChannelModel, step);
        for (const [index, { entries }] of models.entries()) {
          const receiver = receivers[index];
          if (receiver === undefined) continue;
          await whenHeard(receiver, entries.length);
          nodeOf(1).bus.unsubscribe(receiver);
          expect(receiver.texts).toEqual(entries.map(({ text }) => text));
          expect(receiver.stamps).toEqual(
            entries.map(({ offset }, at) => ({ offset, previousOffset: entries[at - 1]?.offset ?? 0 })),
          );
        }
      }),
      { numRuns: 25 },
    );
  }, 60_000);
}

/** Reads that race with appends which drop what is being read. */
export function describeHistoryRaces(suite: HistorySuite): void {
  it("reachability › never true with a hole, while what is read is dropped at the same time", async () => {
    const nodes = [await suite.node(), await suite.node(), await suite.node()];
    const address = suite.channel();
    const { position } = await append(nodes[0] as HistoryNode, address, "0");
    const { epoch } = position;
    const offsets = [position.offset];
    let isOver = false;
    const appending = (async () => {
      while (offsets.length < 1_000) {
        const texts = Array.from({ length: 20 }, (_, index) => `${offsets.length + index}`);
        const results = await Promise.all(texts.map((text) => append(nodes[0] as HistoryNode, address, text)));
        offsets.push(...results.map(({ position }) => position.offset));
      }
      isOver = true;
    })();
    let proven = 0;
    const reading = nodes.map(async (node) => {
      for (let turn = 0; !isOver || turn < 50; turn++) {
        // Near the end of what is kept, where a publication may go at any moment.
        const known = offsets.length;
        const from = known - 1 - (turn % 60);
        const offset = offsets[from];
        if (offset === undefined) {
          await new Promise((resolve) => setImmediate(resolve));
          continue;
        }
        const limit = turn % 3 === 0 ? 10 : 1000;
        const page = await read(node, address, { since: { epoch, offset }, limit });
        const found = textsOf(page).map(Number);
        if (page.isReachable) {
          proven++;
          expect(found).toEqual(found.map((_, at) => from + 1 + at));
          expect(found.length).toBeGreaterThanOrEqual(Math.min(known - 1 - from, limit));
        }
        const newest = textsOf(await read(node, address, { direction: "backward", limit: 20 })).map(Number);
        expect(newest).toEqual(newest.map((_, at) => (newest[0] as number) - at));
      }
    });
    await Promise.all([appending, ...reading]);
    expect(proven).toBeGreaterThan(0);
  }, 60_000);
}

async function perform(on: HistoryNode, model: ChannelModel, step: Step): Promise<void> {
  const { address, entries } = model;
  switch (step.kind) {
    case "append": {
      const texts = Array.from({ length: step.count }, (_, index) => `${entries.length + index}`);
      const results = await Promise.all(texts.map((text) => append(on, address, text)));
      for (const [index, { position, isDuplicate }] of results.entries()) {
        expect(isDuplicate).toBe(false);
        expect(position.offset).toBeGreaterThan(entries.at(-1)?.offset ?? 0);
        entries.push({ text: texts[index] as string, offset: position.offset });
      }
      return;
    }
    case "repeat": {
      const entry = entries[Math.floor(step.which * (entries.length - 1))];
      if (entry === undefined) return;
      const result = await append(on, address, "not to be kept", entry.text);
      expect(result).toMatchObject({ isDuplicate: true, position: { offset: entry.offset } });
      return;
    }
    case "read": {
      const since = model.sinceOf(step);
      const { epoch } = (await read(on, address, { direction: "backward", limit: 1 })).head;
      const page = await read(on, address, {
        limits: { ...LIMITS, messages: step.messages },
        since: since === null ? null : { ...since, epoch },
        limit: step.limit,
        direction: step.isBackward ? "backward" : "forward",
      });
      model.check(page, step);
      return;
    }
    default:
      step satisfies never;
  }
}
