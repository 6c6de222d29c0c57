import { defineConfig } from "tsdown";

// What is published: one file each for import and require, with everything in it. `tsc -b` has checked the types before.
export default defineConfig({
  entry: ["src/index.ts"],
  format: ["esm", "cjs"],
  platform: "neutral",
  target: "es2022",
  dts: { sourcemap: false },
  inputOptions: { checks: { pluginTimings: false } },
  // The compiler's own output is in a folder below.
  clean: false,
  outExtensions: ({ format }) => (format === "cjs" ? { js: ".cjs", dts: ".d.cts" } : { js: ".js", dts: ".d.ts" }),
});
