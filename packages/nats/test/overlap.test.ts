import { RecordingReceiver } from "@carillon/testkit/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_OVERLAP_BYTES, MAX_OVERLAP_ENVELOPES, Overlap } from "../src/overlap.ts";
import { bytes, envelope } from "./support/helpers.ts";

describe("Overlap", () => {
  it("law › whatever part each connection saw, every envelope comes once and in order", () => {
    // The old connection delivers the first `seen` of them, the new one brings all from `from` on, and nothing is missing between.
    const cases = fc.tuple(fc.nat(30), fc.nat(30), fc.nat(30)).map(([a, b, c]) => {
      const [from, seen, total] = [a, b, c].sort((x, y) => x - y) as [number, number, number];
      return { from, seen, total };
    });
    fc.assert(
      fc.property(cases, fc.array(fc.boolean(), { maxLength: 70 }), ({ from, seen, total }, turns) => {
        const overlap = new Overlap();
        const receiver = new RecordingReceiver("app", "c");
        const ids = Array.from({ length: total }, (_, index) => `${index}`);
        const [old, fresh] = [ids.slice(0, seen), ids.slice(from)];
        const takeOld = (id: string | undefined) => {
          if (id === undefined) return;
          overlap.see(receiver, envelope(id));
          receiver.receive(envelope(id));
        };
        const takeNew = (id: string | undefined) => id !== undefined && overlap.hold(receiver, envelope(id));
        for (const isOld of turns) isOld ? takeOld(old.shift()) : takeNew(fresh.shift());
        for (const id of old) takeOld(id);
        overlap.end((each, held) => each.receive(held));
        // What the new connection brings late, because it was behind.
        for (const id of fresh) if (!overlap.wasSeen(receiver, envelope(id))) receiver.receive(envelope(id));
        expect(receiver.envelopes).toEqual(ids.map(envelope));
      }),
    );
  });

  it("channels › one id on two channels is two envelopes", () => {
    const overlap = new Overlap();
    const [first, second] = [new RecordingReceiver("app", "one"), new RecordingReceiver("app", "two")];
    overlap.see(first, envelope("same"));
    overlap.hold(first, envelope("same"));
    overlap.hold(second, envelope("same"));
    overlap.end((receiver, each) => receiver.receive(each));
    expect([first.envelopes.length, second.envelopes.length]).toEqual([0, 1]);
  });

  it("buffers › what is held survives the client's buffer", () => {
    const overlap = new Overlap();
    const receiver = new RecordingReceiver("app", "c");
    const buffer = Buffer.from("held");
    overlap.hold(receiver, buffer);
    buffer.fill(0);
    overlap.end((each, held) => each.receive(held));
    expect(receiver.texts).toEqual(["held"]);
  });

  it("traces and origins › come out of the hold with their envelope", () => {
    const overlap = new Overlap();
    const receiver = new RecordingReceiver("app", "c");
    const trace = { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true, state: "" };
    overlap.hold(receiver, envelope("traced"), { offset: 2, previousOffset: 1 }, trace);
    overlap.hold(receiver, envelope("plain"));
    const origins: unknown[] = [];
    overlap.end((each, held, origin, its) => {
      origins.push(origin);
      each.receive(held, undefined, its);
    });
    expect(receiver.traces).toEqual([trace, undefined]);
    expect(origins).toEqual([{ offset: 2, previousOffset: 1 }, undefined]);
  });

  it("bounds › are told when they are reached", () => {
    const [byCount, byBytes] = [new Overlap(), new Overlap()];
    const receiver = new RecordingReceiver("app", "c");
    const small = bytes("x");
    for (let index = 0; index < MAX_OVERLAP_ENVELOPES - 1; index++) byCount.see(receiver, small);
    expect(byCount.isFull).toBe(false);
    byCount.hold(receiver, small);
    expect(byCount.isFull).toBe(true);
    byBytes.hold(receiver, new Uint8Array(MAX_OVERLAP_BYTES));
    expect(byBytes.isFull).toBe(true);
  });
});
