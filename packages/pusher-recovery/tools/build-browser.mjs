#!/usr/bin/env node
// Writes the plugin for a <script> tag, which makes a global `CarillonRecovery`: to dist/, or to the file that is named.
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const pathOf = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

await build({
  input: pathOf("src/index.ts"),
  tsconfig: false,
  transform: { target: "es2022" },
  output: {
    file: process.argv[2] ?? pathOf("dist/pusher-recovery.min.js"),
    format: "iife",
    name: "CarillonRecovery",
    minify: true,
    banner: "/*! @carillon/pusher-recovery, Apache-2.0 */",
  },
  logLevel: "warn",
});
