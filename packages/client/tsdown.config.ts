import { defineConfig } from "tsdown";

// What is published: for import and require, with everything in it, and one file for a <script> tag. `tsc -b` has checked the types before.
export default defineConfig([
  {
    entry: ["src/index.ts", "src/msgpack.ts", "src/schemas.ts"],
    format: ["esm", "cjs"],
    platform: "neutral",
    target: "es2022",
    dts: { sourcemap: false },
    // For `await using`, in applications whose settings don't have it.
    banner: { dts: '/// <reference lib="esnext.disposable" />' },
    // The compiler's own output is in a folder below.
    clean: false,
    outExtensions: ({ format }) => (format === "cjs" ? { js: ".cjs", dts: ".d.cts" } : { js: ".js", dts: ".d.ts" }),
  },
  {
    entry: { "carillon-client": "src/index.ts" },
    format: "iife",
    globalName: "Carillon",
    platform: "browser",
    target: "es2022",
    minify: true,
    dts: false,
    clean: false,
    outputOptions: { entryFileNames: "carillon-client.min.js" },
  },
]);
