import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MAX_WATCHED_USERS, PUSHER_NOTICES, PUSHER_VERSIONS } from "@carillon/protocol/pusher";
import { expect, it } from "vitest";

const packagesFolder = fileURLToPath(new URL("../../../", import.meta.url));
const text = readFileSync(new URL("../../../../docs/protocol/pusher.md", import.meta.url), "utf8");
const rules = [...text.matchAll(/^\*\*P(\d+)\.\*\*/gm)].map((match) => Number(match[1]));

it("docs/protocol/pusher.md › numbers its rules without a gap", () => {
  expect(rules.length).toBeGreaterThan(30);
  expect(rules).toEqual(Array.from(rules, (_, index) => index + 1));
});

it("docs/protocol/pusher.md › has every rule that it or a test cites, and each is cited by a test", () => {
  const tests = readdirSync(packagesFolder, { recursive: true, encoding: "utf8" }).filter(
    (path) => path.endsWith(".test.ts") && !path.includes("node_modules"),
  );
  const cited = tests.flatMap((path) =>
    [...readFileSync(packagesFolder + path, "utf8").matchAll(/["`]((?:P\d+(?:, )?)+) ›/g)].flatMap(
      (match) => match[1]?.match(/\d+/g) ?? [],
    ),
  );
  const unknown = [...cited, ...(text.match(/(?<=\bP)\d+/g) ?? [])].filter((rule) => !rules.includes(Number(rule)));
  expect(unknown).toEqual([]);
  expect(rules.filter((rule) => !cited.includes(String(rule)))).toEqual([]);
});

it("docs/protocol/pusher.md › names the versions, bounds and codes of the code", () => {
  for (const version of PUSHER_VERSIONS) expect(text).toMatch(new RegExp(`\`(protocol=)?${version}\``));
  expect(text).toContain(`at most ${MAX_WATCHED_USERS} users`);
  for (const code of Object.values(PUSHER_NOTICES)) expect(text).toContain(`code ${code}`);
});
