// Prints the path of compose-go, which reads compose files as Docker Compose does; builds it with Go where there is none. Or the path in
// CARILLON_COMPOSE_GO.
import { answer, fetchWithGo, findExecutable, givenBy } from "./executables.mjs";

const GO_MODULE = "github.com/compose-spec/compose-go/v2/cmd@v2.16.2";

answer(
  givenBy("CARILLON_COMPOSE_GO") ?? findExecutable("compose-go") ?? fetchWithGo("compose-go", GO_MODULE),
  `This needs compose-go: install Go, for \`go install ${GO_MODULE}\`, or name one in CARILLON_COMPOSE_GO.`,
);
