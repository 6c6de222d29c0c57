import { describe, expect, test } from "vitest";
import type { Measured } from "../micro/comparison.ts";
import { conclusion, toJson, toMarkdown } from "../micro/report.ts";
import { isPassed, judge, looksSlower, type Verdict } from "../micro/verdict.ts";

const LIMIT = 1.1;

/** What was measured where the tree takes `factor` times as long, give or take. */
const measured = (factor: number, spread = 0.01): Measured => ({
  kind: "measured",
  ratios: Array.from({ length: 4 }, () => [factor - spread, factor, factor + spread, factor]),
  baseUs: 2,
  treeUs: 2 * factor,
});
const absent = { kind: "absent", reason: "encodeEnvelope is not a function" } as const;

const report = (...verdicts: readonly Verdict[]) => ({
  base: { commit: "0123456789abcdef", origin: "the last commit in common with main" },
  limit: LIMIT,
  seconds: 100.4,
  verdicts,
});

describe("verdict of the gate", () => {
  test("is slower where both times all of the interval is above the limit", () => {
    expect(looksSlower(measured(1.3), LIMIT)).toBe(true);
    expect(judge("a/b", measured(1.3), measured(1.25), LIMIT).finding).toBe("slower");
  });

  test("is not slower where it was so once only", () => {
    const verdict = judge("a/b", measured(1.3), measured(1), LIMIT);
    expect(verdict.finding).toBe("slower once, not again");
    expect(isPassed([verdict])).toBe(true);
  });

  test("is slower where nothing was measured again: what was not refuted stands", () => {
    expect(judge("a/b", measured(1.3), null, LIMIT).finding).toBe("slower");
  });

  test("is fine where the interval reaches down to the limit, whatever its median", () => {
    const wide = measured(1.2, 0.2);
    expect(looksSlower(wide, LIMIT)).toBe(false);
    expect(judge("a/b", wide, null, LIMIT).finding).toBe("within the limit");
  });

  test("tells what became faster", () => {
    expect(judge("a/b", measured(0.8), null, LIMIT).finding).toBe("faster");
  });

  test("does not fail over what the base has not", () => {
    expect(looksSlower(absent, LIMIT)).toBe(false);
    const verdict = judge("a/b", absent, null, LIMIT);
    expect(verdict.finding).toBe("not in the base");
    expect(isPassed([verdict])).toBe(true);
  });

  test("one that is slower fails all", () => {
    const fine = judge("a/b", measured(1), null, LIMIT);
    expect(isPassed([fine])).toBe(true);
    expect(isPassed([fine, judge("a/c", measured(1.3), measured(1.3), LIMIT)])).toBe(false);
  });
});

describe("report of the gate", () => {
  test("has a row for each benchmark, and says which are slower and why some are not there", () => {
    const run = report(
      judge("codec/one", measured(1, 0), null, LIMIT),
      judge("codec/two", measured(1.3, 0), measured(1.3, 0), LIMIT),
      judge("codec/three", absent, null, LIMIT),
    );
    const markdown = toMarkdown(run);
    const cells = markdown
      .split("\n")
      .filter((line) => line.startsWith("| codec/"))
      .map((line) => line.split("|").map((cell) => cell.trim()));
    expect(cells).toEqual([
      ["", "codec/one", "2.00", "2.00", "1.00", "1.00 to 1.00", "", "within the limit", ""],
      ["", "codec/two", "2.00", "2.60", "1.30", "1.30 to 1.30", "1.30 to 1.30", "**slower**", ""],
      ["", "codec/three", "–", "–", "–", "–", "", "not in the base", ""],
    ]);
    expect(markdown).toContain("0123456789ab, the last commit in common with main");
    expect(markdown).toContain("codec/three is not in the base: encodeEnvelope is not a function");
    expect(conclusion(run)).toBe("Slower than the base by more than a factor of 1.10: codec/two.");
    expect(JSON.parse(toJson(run))).toMatchObject({ isPassed: false, verdicts: [{}, { finding: "slower" }, {}] });
  });

  test("says of how many it speaks when all is well", () => {
    const run = report(judge("codec/one", measured(1, 0), null, LIMIT), judge("codec/three", absent, null, LIMIT));
    expect(conclusion(run)).toBe("None of 1 benchmarks is slower than the base by more than a factor of 1.10.");
  });
});
