import { describe, expect, test } from "vitest";
import { readSizingOptions } from "../bench/sizing/options.ts";
import { ruleOfThumb, type SizingResult, type Step, sizingTable } from "../bench/sizing/report.ts";

const MIB = 1024 * 1024;

const step = (title: string, messages: number, residentMib: number, diskMib: number): Step => ({
  title,
  messages,
  residentKib: residentMib * 1024,
  diskBytes: diskMib * MIB,
  seconds: 10,
});

const RESULT: SizingResult = {
  channels: 1024,
  events: 5,
  payloadBytes: 200,
  empty: { ...step("nothing yet", 0, 20, 0), seconds: null },
  few: step("few", 1024, 30, 1),
  many: step("many", 5120, 60, 5),
  later: null,
  restarted: step("restarted", 5120, 22, 5),
  read: step("read", 5120, 40, 5),
  crashed: step("crashed", 5120, 25, 5),
  coldReads: { count: 200, p50Ms: 1, p99Ms: 2, maxMs: 3 },
};

describe("sizing", () => {
  test("the rule of thumb takes slopes, so what an empty server takes cancels out", () => {
    const rule = { diskPerMessage: 1024, writingPerMessage: 8192, readingPerMessage: 4096, writesPerSecond: 409.6 };
    expect(ruleOfThumb(RESULT)).toEqual({ ...rule, idsPerMessage: null });
    const later = step("later", 5120, 55, 5);
    expect(ruleOfThumb({ ...RESULT, later })).toEqual({ ...rule, idsPerMessage: 1024 });
  });

  test("the table has a row for each step that was made", () => {
    const rows = sizingTable(RESULT)
      .split("\n")
      .filter((line) => line.startsWith("| "));
    expect(rows.map((row) => row.split("|")[1]?.trim())).toEqual([
      "step",
      "nothing yet",
      "few",
      "many",
      "restarted",
      "read",
      "crashed",
    ]);
  });

  test("only a run with the defaults, in full, rewrites the page", () => {
    expect(readSizingOptions([])).toMatchObject({ channels: 100_000, events: 10, payloadBytes: 200, writesDocs: true });
    for (const args of [["--no-docs"], ["--no-wait"], ["--channels", "1000"], ["--events", "10"], ["--bytes", "300"]])
      expect(readSizingOptions(args).writesDocs).toBe(false);
  });

  test.each(["0", "1.5", "many", "99999999999"])("--channels %s is refused, with what is allowed", (text) => {
    expect(() => readSizingOptions(["--channels", text])).toThrow(
      "--channels must be a whole number from 100 to 10000000",
    );
  });
});
