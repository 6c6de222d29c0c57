import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "rolldown";
import { expect, it } from "vitest";

const MOST_BYTES = 9216;

it("takes at most 9 KiB of a page, minified and compressed, and needs nothing else", async () => {
  const { output } = await build({
    input: fileURLToPath(new URL("../src/index.ts", import.meta.url)),
    resolve: { conditionNames: ["@carillon/source", "import"] },
    output: { format: "esm", minify: true },
    write: false,
    logLevel: "warn",
  });
  expect(output).toHaveLength(1);
  expect(output[0].imports).toEqual([]);
  expect(gzipSync(output[0].code, { level: 9 }).length).toBeLessThanOrEqual(MOST_BYTES);
});
