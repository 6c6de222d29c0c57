import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkUwsBinary } from "../../src/http/uws-binary.ts";
import { UWS_MANIFEST } from "../../src/http/uws-manifest.ts";

const root = new URL("../../../../", import.meta.url);

async function json(path: string): Promise<unknown> {
  return JSON.parse(await readFile(new URL(path, root), "utf8"));
}

describe("uWebSockets.js binary", () => {
  test("the one in use is named, and never differs from its pin", () => {
    const check = checkUwsBinary();
    expect(["pinned", "unlisted"]).toContain(check.kind);
    const expected = { abi: process.versions.modules, file: expect.stringMatching(/^uws_.*\.node$/) };
    expect(check).toMatchObject({ binary: { ...expected, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } });
  });

  test("one with other bytes than its pin is reported, with what to do", () => {
    const { binary } = checkUwsBinary() as { binary: { file: string } };
    const sha256 = { [binary.file]: "0".repeat(64) };
    expect(checkUwsBinary({ ...UWS_MANIFEST, sha256 })).toMatchObject({
      kind: "differs",
      expectedSha256: "0".repeat(64),
      message: expect.stringContaining("npm ci"),
    });
  });

  test("one without a pin is reported as untested", () => {
    expect(checkUwsBinary({ ...UWS_MANIFEST, sha256: {} })).toMatchObject({ kind: "unlisted" });
  });

  test.each(Object.entries(UWS_MANIFEST.sha256))("%s has the pinned bytes", async (file, sha256) => {
    const folder = dirname(createRequire(import.meta.url).resolve("uWebSockets.js"));
    const bytes = await readFile(join(folder, file));
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
  });

  test("deploy/uws-manifest.json says what the code says", async () => {
    expect(await json("deploy/uws-manifest.json")).toEqual(UWS_MANIFEST);
  });

  test("the lockfile installs the pinned package", async () => {
    const lock = (await json("package-lock.json")) as { packages: Record<string, unknown> };
    expect(lock.packages["node_modules/uWebSockets.js"]).toMatchObject({
      name: UWS_MANIFEST.package,
      version: UWS_MANIFEST.version,
      integrity: UWS_MANIFEST.integrity,
    });
  });
});
