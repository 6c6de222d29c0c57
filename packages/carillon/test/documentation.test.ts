import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { expect, test } from "vitest";
import { createProgram } from "../src/cli/main.ts";
import { EXIT_CODES } from "../src/exit-codes.ts";

const CLI_PAGE = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");

test("docs/cli.md names every flag that a command has, and no other", () => {
  const documented = new Set(CLI_PAGE.match(/--[a-z][a-z-]+/g));
  const known = new Set(
    leaves(createProgram()).flatMap((command) => command.options.map((option) => String(option.long))),
  );
  known.add("--help");
  expect([...documented].sort()).toEqual([...known].sort());
});

test("docs/cli.md names every command, and no other", () => {
  const documented = new Set([...CLI_PAGE.matchAll(/^\| `carillon ([a-z ]+)` \|/gm)].map(([, name]) => name));
  const known = leaves(createProgram())
    .map(nameOf)
    .filter((name) => name !== "");
  expect([...documented].sort()).toEqual(known.sort());
});

test("docs/cli.md lists every exit code", () => {
  const documented = [...CLI_PAGE.matchAll(/^\| (\d+)(?:, (\d+))? \|/gm)].flatMap(([, first, second]) => [
    first,
    second,
  ]);
  // Those two are 128 plus the number of the signal.
  const expected = [...Object.values(EXIT_CODES), 130, 143].map(String);
  expect(documented.filter((code) => code !== undefined).sort()).toEqual(expected.sort());
});

test("docs/cli.md names the environment variable of every server flag", () => {
  for (const option of leaves(createProgram()).flatMap((command) => command.options)) {
    const variable = /env: (CARILLON_[A-Z_]+)/.exec(option.description)?.[1];
    if (variable !== undefined) expect(CLI_PAGE).toContain(`\`${variable}\``);
  }
});

function leaves(command: Command): Command[] {
  const own = command.commands.length === 0 || command.parent === null ? [command] : [];
  return [...own, ...command.commands.flatMap(leaves)];
}

function nameOf(command: Command): string {
  if (command.parent === null) return "";
  return [nameOf(command.parent), command.name()].filter((part) => part !== "").join(" ");
}
