// Prints the path of kubeconform, which checks Kubernetes objects against schemas; builds one where there is none.
//
// In this order: the path in CARILLON_KUBECONFORM; `kubeconform` on the PATH or one that an earlier run built; `go install`.
import { answer, fetchWithGo, findExecutable, givenBy } from "./executables.mjs";

const GO_MODULE = "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0";

answer(
  givenBy("CARILLON_KUBECONFORM") ?? findExecutable("kubeconform") ?? fetchWithGo("kubeconform", GO_MODULE),
  `This needs kubeconform: put one on the PATH, name one in CARILLON_KUBECONFORM, or install Go, for \`go install ${GO_MODULE}\`.`,
);
