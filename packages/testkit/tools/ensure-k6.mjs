// Prints the path of the k6 that the load tests run; builds one where there is none.
//
// In this order: the path in CARILLON_K6; `k6` on the PATH or one that an earlier run built; `go install`.
import { spawnSync } from "node:child_process";
import { answer, fetchWithGo, findExecutable, givenBy } from "./executables.mjs";

const GO_MODULE = "go.k6.io/k6@v1.8.1";

// TypeScript without a bundler came with 0.57, and `k6/websockets` out of its experiment with 1.0.
function isNewEnough(path) {
  const { stdout } = spawnSync(path, ["version"], { encoding: "utf8", timeout: 20_000 });
  const [, major] = /v(\d+)\.\d+\./.exec(stdout ?? "") ?? [];
  return Number(major) >= 1;
}

answer(
  givenBy("CARILLON_K6") ?? findExecutable("k6", isNewEnough) ?? fetchWithGo("k6", GO_MODULE),
  `The load tests need k6 1.0 or later: put one on the PATH, name one in CARILLON_K6, or install Go, for \`go install ${GO_MODULE}\`.`,
);
