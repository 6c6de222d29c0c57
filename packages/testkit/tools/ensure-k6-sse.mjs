// Prints the path of a k6 that reads event streams, for the load test's `sse`: k6 with the extension in loadtest/k6-event-stream. Builds
// it with Go where there is none for exactly these sources, which takes some minutes the first time. Or the path in CARILLON_K6_SSE.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { answer, buildWithGo, findExecutable, givenBy } from "./executables.mjs";

const FOLDER = fileURLToPath(new URL("../../../loadtest/k6-event-stream", import.meta.url));
const SOURCE = /\.(?:go|mod|sum)$/;

function name() {
  const hash = createHash("sha256");
  const sources = readdirSync(FOLDER, { recursive: true }).filter((file) => SOURCE.test(file));
  for (const source of sources.sort()) hash.update(readFileSync(join(FOLDER, source)));
  return `k6-sse-${hash.digest("hex").slice(0, 12)}`;
}

answer(
  givenBy("CARILLON_K6_SSE") ?? findExecutable(name()) ?? buildWithGo(name(), { folder: FOLDER, main: "./cmd/k6" }),
  "The load test's sse needs k6 with an extension: install Go, which builds it, or name in CARILLON_K6_SSE one that was built elsewhere, by `go build -o k6-sse ./cmd/k6` in loadtest/k6-event-stream.",
);
