import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { numberedText, readNumbered } from "../k6/lib/numbered.ts";
import { Sequence } from "../k6/lib/sequence.ts";
import { shareOf } from "../k6/lib/share.ts";

describe("the check of numbered publications", () => {
  test("law › whatever comes in whatever order, what is lost and what is double is counted exactly", () => {
    const arrivals = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 60 });
    fc.assert(
      fc.property(arrivals, (numbers) => {
        const sequence = new Sequence();
        sequence.begin(1);
        for (const number of numbers) sequence.arrived(number);
        const different = new Set(numbers).size;
        const { lost, duplicates } = sequence.outcome(30);
        expect(lost).toBe(30 - different);
        expect(duplicates).toBe(numbers.length - different);
      }),
    );
  });

  test("the last ones are missed too, and of a phase of which nothing came all is lost", () => {
    const sequence = new Sequence();
    sequence.begin(1);
    expect(sequence.outcome(5).lost).toBe(5);
    for (const number of [1, 2, 3]) sequence.arrived(number);
    expect(sequence.outcome(5).lost).toBe(2);
    sequence.begin(2);
    expect(sequence.outcome(1).lost).toBe(1);
  });

  test("one that comes after a later one is not lost", () => {
    const sequence = new Sequence();
    sequence.begin(1);
    expect([1, 3, 2, 2].map((number) => sequence.arrived(number))).toEqual(["new", "new", "late", "duplicate"]);
    expect(sequence.outcome(3)).toEqual({ lost: 0, duplicates: 1, reordered: 1 });
  });
});

describe("payloads", () => {
  test("law › what was written is read again, from any place in a frame; a cut one is not", () => {
    const numbered = fc.record({
      kind: fc.constantFrom("S" as const, "O" as const, "C" as const),
      phase: fc.integer({ min: 1, max: 999 }),
      number: fc.integer({ min: 1, max: 99_999_999 }),
      atMs: fc.integer({ min: 1_700_000_000_000, max: 9_999_999_999_999 }),
      target: fc.integer({ min: 0, max: 99_999_999 }),
    });
    fc.assert(
      fc.property(numbered, fc.integer({ min: 64, max: 2_000 }), fc.nat({ max: 40 }), (value, bytes, before) => {
        const text = numberedText(value, bytes);
        expect(JSON.stringify(text)).toHaveLength(bytes);
        const frame = `${"y".repeat(before)}${text}"}`;
        expect(readNumbered(frame, before, bytes)).toEqual(value);
        expect(readNumbered(frame.replace("x.", "x"), before, bytes)).toBeNull();
      }),
    );
  });
});

describe("shares of threads", () => {
  test("law › together they are all clients, each once, and none has more than one more than another", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 5_000 }), (threads, more) => {
        const clients = threads + more;
        const shares = Array.from({ length: threads }, (_, number) => shareOf(number, threads, clients));
        let next = 0;
        for (const { first, count } of shares) {
          expect(first).toBe(next);
          next += count;
        }
        expect(next).toBe(clients);
        const counts = shares.map(({ count }) => count);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
    );
  });
});
