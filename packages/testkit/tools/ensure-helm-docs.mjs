// Prints the path of helm-docs, which writes a chart's README from its values.yaml; builds one where there is none.
//
// In this order: the path in CARILLON_HELM_DOCS; `helm-docs` on the PATH or one that an earlier run built; `go install`.
import { answer, fetchWithGo, findExecutable, givenBy } from "./executables.mjs";

const GO_MODULE = "github.com/norwoodj/helm-docs/cmd/helm-docs@v1.14.2";

answer(
  givenBy("CARILLON_HELM_DOCS") ?? findExecutable("helm-docs") ?? fetchWithGo("helm-docs", GO_MODULE),
  `This needs helm-docs: put one on the PATH, name one in CARILLON_HELM_DOCS, or install Go, for \`go install ${GO_MODULE}\`.`,
);
