import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "tsdown";
import config from "../../tsdown.config.ts";

/** The SDK as it is published, made from its source by the same settings: for `import`, and for `require`. */
export async function bundle(): Promise<{ readonly esm: string; readonly cjs: string }> {
  const folder = await mkdtemp(join(tmpdir(), "carillon-server-"));
  try {
    await build({
      ...config,
      config: false,
      cwd: fileURLToPath(new URL("../../", import.meta.url)),
      outDir: folder,
      dts: false,
      logLevel: "silent",
      inputOptions: { resolve: { conditionNames: ["@carillon/source", "import", "default"] } },
    });
    const [esm, cjs] = await Promise.all(["index.js", "index.cjs"].map((name) => readFile(join(folder, name), "utf8")));
    return { esm: esm ?? "", cjs: cjs ?? "" };
  } finally {
    await rm(folder, { recursive: true });
  }
}
