import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { type RunOptions, run } from "../chaos/run.ts";

const PLANTED = join(
  dirname(createRequire(import.meta.url).resolve("@carillon/testkit")),
  "../../e2e/dist/chaos/planted",
);

/** Small enough for every day; `make chaos` is for longer runs. */
const OPTIONS: RunOptions = {
  seed: 1,
  seconds: 20,
  maxUnprovenShare: 0.2,
  settleWithinMs: 30_000,
  gateways: 3,
  publishers: 2,
  writers: 10,
  listeners: 12,
  guests: 12,
  channels: 8,
};

test("chaos › whatever dies, freezes and is cut off: nothing that was acknowledged is missed, doubled or out of order", async () => {
  const { verdict } = await run(OPTIONS);
  expect(verdict.violations).toEqual([]);
  expect([verdict.acknowledged, verdict.recovered].every((count) => count > 50)).toBe(true);
}, 180_000);

test.each(["drop-buffered", "off-by-one"])(
  "chaos › finds a planted bug: %s",
  async (name) => {
    const { verdict } = await run({ ...OPTIONS, nodeArgs: ["--import", join(PLANTED, `${name}.js`)] });
    expect(verdict.violations.join("\n")).toMatch(/missed \d+ between/);
  },
  180_000,
);
