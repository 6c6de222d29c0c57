// Prints the path of Helm 3; builds one where there is none.
//
// In this order: the path in CARILLON_HELM; `helm` on the PATH or one that an earlier run built; `go install`.
import { spawnSync } from "node:child_process";
import { answer, fetchWithGo, findExecutable, givenBy } from "./executables.mjs";

const GO_MODULE = "helm.sh/helm/v3/cmd/helm@v3.22.0";

function isHelm3(path) {
  const { stdout } = spawnSync(path, ["version", "--short"], { encoding: "utf8", timeout: 20_000 });
  return /^v3\./.test(stdout ?? "");
}

answer(
  givenBy("CARILLON_HELM") ?? findExecutable("helm", isHelm3) ?? fetchWithGo("helm", GO_MODULE),
  `This needs Helm 3: put one on the PATH, name one in CARILLON_HELM, or install Go, for \`go install ${GO_MODULE}\`.`,
);
