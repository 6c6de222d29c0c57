import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), "previous");

/** The packaged chart from which users upgrade to the one in helm/carillon, and its version: see the README beside it. */
export function previousChart(): { readonly file: string; readonly version: string } {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith(".tgz"));
  const [name = ""] = names;
  const version = /^carillon-(.+)\.tgz$/.exec(name)?.[1];
  if (names.length !== 1 || version === undefined)
    throw new Error(`there must be one carillon-VERSION.tgz in ${FOLDER}`);
  return { file: join(FOLDER, name), version };
}
