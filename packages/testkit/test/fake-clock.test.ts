import { describe, expect, it } from "vitest";
import { FakeClock } from "../src/index.ts";

describe("FakeClock", () => {
  it("advance › runs what falls due, in order, each at its own time", () => {
    const clock = new FakeClock(1_000);
    const ran: [string, number, number][] = [];
    const note = (name: string) => ran.push([name, clock.now(), clock.monotonic()]);
    clock.after(20, () => note("late"));
    clock.after(10, () => {
      note("early");
      clock.after(5, () => note("nested"));
    });
    const tick = clock.every(8, () => note("tick"));
    clock.after(11, () => note("cancelled")).cancel();
    clock.advance(16);
    tick.cancel();
    clock.advance(3);
    expect(ran).toEqual([
      ["tick", 1_008, 8],
      ["early", 1_010, 10],
      ["nested", 1_015, 15],
      ["tick", 1_016, 16],
    ]);
    clock.advance(1);
    expect(ran.at(-1)).toEqual(["late", 1_020, 20]);
    expect(clock.pendingTimers).toBe(0);
  });
});
