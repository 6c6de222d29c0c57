import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { REPOSITORY } from "./repository.ts";

/** The page that shows the last full run. */
const DOCS_PAGE = join(REPOSITORY, "docs/benchmarks.md");

const BEGIN = "<!-- bench results: begin (written by make bench) -->";
const END = "<!-- bench results: end -->";

/** Puts `markdown` between the page's markers, in place of what stands there. Throws when the page has lost its markers. */
export async function writeDocsPage(markdown: string): Promise<void> {
  const page = await readFile(DOCS_PAGE, "utf8");
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`docs/benchmarks.md must hold the lines "${BEGIN}" and "${END}"`);
  await writeFile(DOCS_PAGE, `${page.slice(0, begin + BEGIN.length)}\n\n${markdown}\n\n${page.slice(end)}`);
}
