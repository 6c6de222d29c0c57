import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { enableRecovery, type PusherLike, RECOVERY_FAILED } from "@carillon/pusher-recovery";
import type Pusher from "pusher-js";
import { build } from "tsdown";
import { afterAll, beforeAll, expect, expectTypeOf, it } from "vitest";
import configuration from "../tsdown.config.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const MOST_BYTES = 2048;

let folder: string;
let bundle: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "carillon-bundle-"));
  // As `make build` does it, elsewhere.
  const script = configuration.find(({ format }) => format === "iife");
  await build({ ...script, config: false, cwd: root, outDir: folder, logLevel: "error" });
  bundle = readFileSync(join(folder, "pusher-recovery.min.js"), "utf8");
});

afterAll(() => rmSync(folder, { recursive: true }));

it("takes at most 2 kB of a page, minified and gzipped", () => {
  expect(gzipSync(bundle, { level: 9 }).length).toBeLessThanOrEqual(MOST_BYTES);
});

it("makes one global, with what the module exports", () => {
  const page: Record<string, Record<string, unknown>> = {};
  runInNewContext(bundle, page);
  expect(Object.keys(page)).toEqual(["CarillonRecovery"]);
  expect(page["CarillonRecovery"]?.["RECOVERY_FAILED"]).toBe(RECOVERY_FAILED);
  expect(typeof page["CarillonRecovery"]?.["enableRecovery"]).toBe("function");
});

it("imports nothing but itself", () => {
  const sources = readdirSync(join(root, "src")).map((name) => readFileSync(join(root, "src", name), "utf8"));
  const imported = sources.flatMap((text) => [...text.matchAll(/\bfrom "([^"]+)"/g)].map(([, name]) => String(name)));
  expect(imported.filter((name) => !name.startsWith("./"))).toEqual([]);
});

it("takes the clients of pusher-js, by their types", () => {
  expectTypeOf<Pusher.default>().toExtend<PusherLike>();
  expectTypeOf(enableRecovery).parameter(0).toEqualTypeOf<PusherLike>();
});
