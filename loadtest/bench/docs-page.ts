import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { REPOSITORY } from "./repository.ts";

/** A page with results that a command writes. */
export interface DocsPage {
  /** Below the repository's root. */
  readonly file: string;
  /** The lines that the results stand between. */
  readonly begin: string;
  readonly end: string;
}

/** The page that shows the last full run of the bench. */
export const BENCHMARKS_PAGE: DocsPage = {
  file: "docs/benchmarks.md",
  begin: "<!-- bench results: begin (written by make bench) -->",
  end: "<!-- bench results: end -->",
};

/** The page that shows the last run of the sizing. */
export const SIZING_PAGE: DocsPage = {
  file: "docs/sizing.md",
  begin: "<!-- sizing results: begin (written by make sizing) -->",
  end: "<!-- sizing results: end -->",
};

/** The part of the page of benchmarks that shows the last full run next to the peers. */
export const PEERS_PAGE: DocsPage = {
  file: "docs/benchmarks.md",
  begin: "<!-- peers results: begin (written by make bench-peers) -->",
  end: "<!-- peers results: end -->",
};

/** Puts `markdown` between the page's markers, in place of what stands there. Throws when the page has lost its markers. */
export async function writeDocsPage({ file, begin, end }: DocsPage, markdown: string): Promise<void> {
  const path = join(REPOSITORY, file);
  const page = await readFile(path, "utf8");
  const beginAt = page.indexOf(begin);
  const endAt = page.indexOf(end);
  if (beginAt === -1 || endAt < beginAt) throw new Error(`${file} must hold the lines "${begin}" and "${end}"`);
  await writeFile(path, `${page.slice(0, beginAt + begin.length)}\n\n${markdown}\n\n${page.slice(endAt)}`);
}
