import { defineConfig } from "tsdown";

// What is published: one file each for import and require; the client and React stay the application's own. `tsc -b` has checked the types before.
export default defineConfig({
  entry: ["src/index.ts"],
  format: ["esm", "cjs"],
  platform: "neutral",
  target: "es2022",
  dts: { sourcemap: false },
  clean: false,
  outExtensions: ({ format }) => (format === "cjs" ? { js: ".cjs", dts: ".d.cts" } : { js: ".js", dts: ".d.ts" }),
});
