import type { Clock } from "@carillon/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { randomIds } from "../../src/process/random-ids.ts";
import { systemClock } from "../../src/process/system-clock.ts";

/** A clock that shows the given times one after the other, and then the last one. */
function clockShowing(times: readonly number[]): Clock {
  let index = 0;
  const now = () => times[Math.min(index++, times.length - 1)] ?? 0;
  return { ...systemClock, now };
}

describe("message ids", () => {
  test("are 23 characters that need no escaping anywhere", () => {
    expect(randomIds().messageId()).toMatch(/^[0-9a-hjkmnp-tv-z]{23}$/);
  });

  test("of one process rise, whatever its clock does", () => {
    const times = fc.array(fc.integer({ min: 0, max: 2 ** 44 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(times, (shown) => {
        const ids = randomIds(clockShowing(shown));
        const made = Array.from({ length: 100 }, () => ids.messageId());
        expect(made.toSorted()).toEqual(made);
        expect(new Set(made).size).toBe(made.length);
      }),
    );
  });

  test("stay apart past a million in one millisecond", () => {
    const ids = randomIds(clockShowing([1_700_000_000_000]));
    let last = "";
    for (let index = 0; index < 2 ** 20 + 2; index += 1) {
      const id = ids.messageId();
      if (id <= last) throw new Error(`${id} follows ${last}`);
      last = id;
    }
    expect(last).toHaveLength(23);
  });

  test("of two processes differ at the same time", () => {
    const clock = clockShowing([5]);
    expect(randomIds(clock).messageId()).not.toBe(randomIds(clock).messageId());
  });

  test("of a later millisecond sort behind, whichever process made them", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 44 }), fc.integer({ min: 1, max: 2 ** 40 }), (time, later) => {
        const early = randomIds(clockShowing([time])).messageId();
        const late = randomIds(clockShowing([time + later])).messageId();
        expect(early < late).toBe(true);
      }),
    );
  });
});

describe("node numbers", () => {
  test("are whole, of up to 48 bits, and differ", () => {
    const numbers = Array.from({ length: 100 }, () => randomIds().nodeNumber);
    expect(numbers.every((number) => Number.isInteger(number) && number >= 0 && number < 2 ** 48)).toBe(true);
    expect(new Set(numbers).size).toBe(100);
  });

  test("stay the same for one source", () => {
    const ids = randomIds();
    expect(ids.nodeNumber).toBe(ids.nodeNumber);
  });
});

test("random › is in [0, 1)", () => {
  const ids = randomIds();
  for (let index = 0; index < 1000; index += 1) {
    const value = ids.random();
    expect(value >= 0 && value < 1).toBe(true);
  }
});
