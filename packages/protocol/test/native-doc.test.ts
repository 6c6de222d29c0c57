import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CAPABILITY_VERBS, JSON_SUBPROTOCOL, MAX_CHANNELS_PER_COMMAND, MSGPACK_SUBPROTOCOL } from "@carillon/protocol";
import { expect, it } from "vitest";

const packagesFolder = fileURLToPath(new URL("../../", import.meta.url));
const text = readFileSync(new URL("../../../docs/protocol/native.md", import.meta.url), "utf8");
const rules = [...text.matchAll(/^\*\*N(\d+)\.\*\*/gm)].map((match) => Number(match[1]));

it("docs/protocol/native.md › numbers its rules without a gap", () => {
  expect(rules.length).toBeGreaterThan(40);
  expect(rules).toEqual(Array.from(rules, (_, index) => index + 1));
});

it("docs/protocol/native.md › has every rule that it or a test cites", () => {
  const tests = readdirSync(packagesFolder, { recursive: true, encoding: "utf8" }).filter(
    (path) => path.endsWith(".test.ts") && !path.includes("node_modules"),
  );
  // `N12 › …` and `N12, N13 › …` in the names of tests; `(N12)` and `N12 to N13` in the text.
  const cited = tests.flatMap((path) =>
    [...readFileSync(packagesFolder + path, "utf8").matchAll(/["`]((?:N\d+(?:, )?)+) ›/g)].flatMap(
      (match) => match[1]?.match(/\d+/g) ?? [],
    ),
  );
  expect(cited.length).toBeGreaterThan(50);
  const unknown = [...cited, ...(text.match(/(?<=\bN)\d+/g) ?? [])].filter((rule) => !rules.includes(Number(rule)));
  expect(unknown).toEqual([]);
});

it("docs/protocol/native.md › names the subprotocols and bounds of the code", () => {
  for (const name of [JSON_SUBPROTOCOL, MSGPACK_SUBPROTOCOL]) expect(text).toContain(`| \`${name}\` |`);
  expect(text).toContain(`1 to ${MAX_CHANNELS_PER_COMMAND} of them`);
  for (const verb of CAPABILITY_VERBS.slice(0, 2)) expect(text).toContain(`grant \`${verb}\``);
});
