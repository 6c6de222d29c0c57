// Prints the path of an HAProxy; installs Debian's where there is none and that is possible.
import { answer, findExecutable, givenBy, installWithApt } from "./executables.mjs";

function find() {
  const found = givenBy("CARILLON_HAPROXY") ?? findExecutable("haproxy");
  if (found !== null) return found;
  installWithApt("haproxy");
  return findExecutable("haproxy");
}

answer(find(), "This needs HAProxy: install the package `haproxy`, or name one in CARILLON_HAPROXY.");
