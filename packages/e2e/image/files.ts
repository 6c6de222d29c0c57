import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** Runs a program and resolves with what it said; rejects with it when it failed. */
export const run = promisify(execFile);

// This file runs from its source and from what is compiled of it, which lies one folder deeper.
const isCompiled = import.meta.url.includes("/dist/");

/** The root of the repository. */
export const REPOSITORY = fileURLToPath(new URL(isCompiled ? "../../../../" : "../../../", import.meta.url)).replace(
  /\/$/,
  "",
);

/** What is kept between runs. */
export const CACHE = `${REPOSITORY}/node_modules/.cache/carillon/image`;

export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** What a folder or file takes on disk, in MB of a million bytes. */
export async function megabytesOf(path: string): Promise<number> {
  const { stdout } = await run("du", ["--summarize", "--bytes", path]);
  return Number(stdout.split("\t")[0]) / 1_000_000;
}
