import { readFileSync } from "node:fs";
import { FALLBACK_PATHS, NATIVE_PATHS, PUSHER_PATHS } from "@carillon/gateway";
import { ADMIN_PATHS, ConfiguredApps, DEV_APP } from "@carillon/service";
import type { Command } from "commander";
import { expect, test } from "vitest";
import { createProgram } from "../src/cli/main.ts";
import { demoRoutes } from "../src/demo-routes.ts";
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

test("docs/http-api.md lists every address that is served beside the publish API, and no other", () => {
  const page = readFileSync(new URL("../../../docs/http-api.md", import.meta.url), "utf8");
  const table = page.slice(page.indexOf("## Other addresses"));
  const documented = [...table.matchAll(/^\| [\w, ]+ \| ([^|]+) \|/gm)].flatMap(
    ([, cell]) => cell?.match(/(?<=`)\/[^`]*/g) ?? [],
  );
  const demo = demoRoutes(new ConfiguredApps({ settings: [DEV_APP] }).first).map((route) => route.path);
  const paths = [...ADMIN_PATHS, ...NATIVE_PATHS, ...Object.values(FALLBACK_PATHS), ...PUSHER_PATHS, ...demo];
  expect(documented.sort()).toEqual([...new Set(paths)].sort());
});

/** The commands that do something themselves: those below which there are none, the program, and servers with tools below them. */
function leaves(command: Command): Command[] {
  const isOne = command.commands.length === 0 || command.parent === null || command.options.length > 0;
  const own = isOne ? [command] : [];
  return [...own, ...command.commands.flatMap(leaves)];
}

function nameOf(command: Command): string {
  if (command.parent === null) return "";
  return [nameOf(command.parent), command.name()].filter((part) => part !== "").join(" ");
}
