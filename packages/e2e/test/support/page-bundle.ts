import { join } from "node:path";
import { build } from "rolldown";
import { ROOT } from "./run.ts";

/**
 * Files of test/pages as a bundler makes ES modules of them, by their names. What several of them share is in further modules,
 * so that it is evaluated once, however often one of them is.
 */
export async function bundlePages(...files: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { output } = await build({
    input: files.map((file) => join(ROOT, "packages/e2e/test/pages", file)),
    transform: { define: { "process.env.NODE_ENV": '"development"' } },
    output: { format: "esm", entryFileNames: "[name].js", chunkFileNames: "[name].js" },
    write: false,
    logLevel: "silent",
  });
  return new Map(output.flatMap((made) => (made.type === "chunk" ? [[made.fileName, made.code]] : [])));
}

/** A page whose script is `script`, with `settings` in a variable of that name. */
export function pageOf(script: string, settings: object): string {
  return `<!doctype html><meta charset="utf-8"><title>Orders</title><body>
    <script>var settings = ${JSON.stringify(settings)};</script>
    <script type="module">${script.replaceAll("</script", "<\\/script")}</script>`;
}
