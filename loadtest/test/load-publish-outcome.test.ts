import { describe, expect, test } from "vitest";
import { isRefusal, outcomeOf, REFUSALS, SILENCES } from "../k6/lib/publish-outcome.ts";

describe("what became of a publish", () => {
  test.each([
    [200, 0, "published"],
    [204, 0, "published"],
    [401, 0, "publish_4xx"],
    [413, 0, "publish_4xx"],
    [302, 0, "publish_4xx"],
    [429, 0, "publish_429"],
    [503, 0, "publish_5xx"],
    [0, 1050, "publish_timeout"],
    [0, 1211, "publish_timeout"],
    [0, 1000, "publish_cut_off"],
    [0, 1220, "publish_cut_off"],
    [0, 1212, "publish_unreachable"],
    [0, 1101, "publish_unreachable"],
    [0, 1310, "publish_unreachable"],
  ] as const)("status %i with k6's error code %i is %s", (status, code, outcome) => {
    expect(outcomeOf(status, code)).toBe(outcome);
  });

  test("is a refusal where somebody said no or nobody was there, and not where nothing was heard", () => {
    expect(REFUSALS.every(isRefusal)).toBe(true);
    expect(SILENCES.some(isRefusal)).toBe(false);
  });
});
