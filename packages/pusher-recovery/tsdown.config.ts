import { defineConfig } from "tsdown";

// What is published: for import and require, and one file for a <script> tag, behind that of pusher-js. `tsc -b` has checked the types before.
export default defineConfig([
  {
    entry: ["src/index.ts"],
    format: ["esm", "cjs"],
    platform: "neutral",
    target: "es2022",
    dts: { sourcemap: false },
    // The compiler's own output is in a folder below.
    clean: false,
    outExtensions: ({ format }) => (format === "cjs" ? { js: ".cjs", dts: ".d.cts" } : { js: ".js", dts: ".d.ts" }),
  },
  {
    entry: { "pusher-recovery": "src/index.ts" },
    format: "iife",
    globalName: "CarillonRecovery",
    platform: "browser",
    target: "es2022",
    minify: true,
    dts: false,
    clean: false,
    outputOptions: { entryFileNames: "pusher-recovery.min.js" },
  },
]);
