import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { ROOT } from "./run.ts";

/** The code block of a page that has this language and is the only one with this piece of text in it. */
export type FindBlock = (language: string, marker: string) => string;

/** Reads a page's code blocks. `path` is relative to the repository's root. */
export async function readBlocks(path: string): Promise<FindBlock> {
  const page = await readFile(join(ROOT, path), "utf8");
  const blocks = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language, code]) => ({ language, code }));
  return (language, marker) => {
    const found = blocks.filter((each) => each.language === language && each.code?.includes(marker));
    expect(found, `one ${language} block with ${marker}`).toHaveLength(1);
    return found[0]?.code as string;
  };
}
