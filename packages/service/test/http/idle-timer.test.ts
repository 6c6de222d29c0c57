import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isIdleWatchable, watchedTimerSeconds } from "../../src/http/idle-timer.ts";

/** When uWebSockets.js pings and cuts, at the earliest and the latest, with its timer set to so many seconds. */
function momentsOf(timerSeconds: number) {
  let margin = 4;
  while (timerSeconds - margin * 2 >= margin * 2 && margin < 16) margin *= 2;
  const latestPing = Math.ceil((timerSeconds - margin) / 4) * 4;
  return { latestPing, earliestCut: latestPing - 4 + margin };
}

describe("idle timer", () => {
  test("law › where silence is watched for, the ping is out in time and the server's cut comes after the watch", () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 952 }), (idleSeconds) => {
        const { latestPing, earliestCut } = momentsOf(watchedTimerSeconds(idleSeconds));
        expect(isIdleWatchable(idleSeconds)).toBe(true);
        expect(latestPing).toBeLessThanOrEqual(idleSeconds - 4);
        expect(earliestCut).toBeGreaterThanOrEqual(idleSeconds + 4);
      }),
      { numRuns: 933 },
    );
  });

  test.each([8, 19, 953, 960])("%d s can't be watched for: the timer stays what it is", (idleSeconds) => {
    expect(isIdleWatchable(idleSeconds)).toBe(false);
    expect(watchedTimerSeconds(idleSeconds)).toBe(idleSeconds);
  });
});
