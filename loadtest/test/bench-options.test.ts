import { describe, expect, test } from "vitest";
import { SCENARIOS } from "../bench/all-scenarios.ts";
import { commandText } from "../bench/command-line.ts";
import { readOptions } from "../bench/options.ts";
import { readPeersOptions } from "../bench/peers/options.ts";

describe("arguments of the bench", () => {
  test("without any it measures everything, thoroughly, and writes that down", () => {
    const options = readOptions([]);
    expect(options.scenarios).toEqual(SCENARIOS);
    for (const { contenders } of SCENARIOS) expect(options.contenders).toEqual(expect.arrayContaining([...contenders]));
    expect(options).toMatchObject({ rounds: 3, duration: 1, size: 1, writesDocs: true, profileFolder: null });
  });

  test.each([
    ["--quick"],
    ["--rounds", "2"],
    ["--only", "paced"],
    ["--contenders", "bare"],
    ["--profile", "profiles"],
    ["--no-docs"],
  ])("%s %s is no full run: nothing is written down", (...args) => {
    expect(readOptions(args).writesDocs).toBe(false);
    expect(readOptions([...args, "--write-docs"]).writesDocs).toBe(args[0] !== "--no-docs");
  });

  test("scenarios and contenders are chosen by name", () => {
    const { scenarios, contenders } = readOptions(["--only", "channels,paced", "--contenders", "carillon,bare"]);
    expect(scenarios.map(({ name }) => name)).toEqual(["channels", "paced"]);
    expect(contenders).toEqual(["carillon", "bare"]);
  });

  test.each([
    [["--only", "fast"], "there is no scenario fast; there are paced, "],
    [["--contenders", "soketi"], "there is no contender soketi; there are bare, "],
    [
      ["--only", "fallback,paced", "--contenders", "carillon-sse"],
      "carillon-sse would not be measured in paced; there are bare, ",
    ],
    [["--rounds", "0"], "--rounds must be a whole number from 1, not 0"],
  ])("%j is refused with a sentence", (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });

  test("scenarios in which none of the contenders takes part are left out", () => {
    const { scenarios } = readOptions(["--contenders", "carillon-sse"]);
    expect(scenarios.map(({ name }) => name)).toEqual(["fallback"]);
  });

  test("next to the peers, the floor always takes part", () => {
    expect(readPeersOptions(["--contenders", "ws"]).contenders).toEqual(["bare", "ws"]);
    expect(readPeersOptions([])).toMatchObject({ rounds: 3, writesDocs: true });
  });
});

test("commandText › is what somebody would type", () => {
  expect(commandText("bench", [])).toBe("make bench");
  expect(commandText("bench", ["--only", "paced"])).toBe('make bench ARGS="--only paced"');
});
