import { describe, expect, test } from "vitest";
import { BENCHMARKS } from "../micro/benchmarks.ts";
import { readOptions } from "../micro/options.ts";

describe("arguments of the gate", () => {
  test("none of them measure everything", () => {
    const { names, ...rest } = readOptions([]);
    expect(names).toEqual(BENCHMARKS.map(({ name }) => name));
    expect(rest).toEqual({ base: null, limit: 1.1, pairs: 4, rounds: 8, planted: 1, jsonFile: null, wantsHelp: false });
  });

  test("groups are chosen by name", () => {
    const { names } = readOptions(["--only", "codec,publish", "--base", "HEAD~3"]);
    expect(new Set(names.map((name) => name.split("/")[0]))).toEqual(new Set(["codec", "publish"]));
  });

  test.each([
    [
      ["--only", "codecs"],
      "there are no benchmarks codecs; there are codec, fan-out, connect, subscribe, recovery, publish",
    ],
    [["--limit", "0.9"], '--limit must be a ratio from 1, such as 1.1, not "0.9"'],
    [["--limit", "ten"], '--limit must be a ratio from 1, such as 1.1, not "ten"'],
    [["--pairs", "0"], '--pairs must be a whole number from 1, not "0"'],
    [["--rounds", "1.5"], "--rounds must be a whole number from 1, not 1.5"],
    [["--planted", ""], '--planted must be a factor from 1, such as 1.5, not ""'],
    [["--quick"], "Unknown option '--quick'"],
  ])("%j is refused with a sentence", (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });
});

test("benchmarks › no two have the same name, and each has a group", () => {
  const names = BENCHMARKS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z-]+\/\S/);
});
