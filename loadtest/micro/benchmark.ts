import type { Packages } from "./packages.ts";

/** The work of a benchmark, ready to be done. */
export interface Work {
  /**
   * Does it so often. Throws when what came out is not what should: what doesn't work is not measured. What it keeps must not grow with
   * the times that it was done.
   */
  run(times: number): void | Promise<void>;
}

/** One hot path, driven through what the packages export. */
export interface Benchmark {
  /** Its group, a slash, and what is done. */
  readonly name: string;
  /** Gets ready with the packages of one version. Rejects where that version lacks something that is needed. */
  prepare(packages: Packages): Promise<Work>;
}

/** Says that a benchmark did not do what it should. */
export class WrongResultError extends Error {
  override readonly name = "WrongResultError";
}

/** Throws unless the work came to what was expected. */
export function assertDone(found: number, expected: number, what: string): void {
  if (found !== expected) throw new WrongResultError(`${found} ${what} instead of ${expected}`);
}
