// Prints the path of a Prometheus; takes Debian's out of its package where there is none and that is possible.
// `ensure-prometheus.mjs promtool` prints that of promtool, which comes with it.
import { answer, fetchFromDebian, findExecutable, givenBy } from "./executables.mjs";

const name = process.argv[2] === "promtool" ? "promtool" : "prometheus";

answer(
  givenBy(`CARILLON_${name.toUpperCase()}`) ?? findExecutable(name) ?? fetchFromDebian(name, "prometheus"),
  `This needs ${name}: install the package \`prometheus\`, or name one in CARILLON_${name.toUpperCase()}.`,
);
