import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root. Compiled files stand three levels below it, in loadtest/dist/bench. */
export const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");

/** Where compiled bench files stand. */
export const BENCH = dirname(fileURLToPath(import.meta.url));
