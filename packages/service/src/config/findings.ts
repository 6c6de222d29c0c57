import type { Config } from "./config-types.ts";
import type { PathPart } from "./setting-index.ts";

/** Where checks put what they find. */
export interface Findings {
  problem(path: readonly PathPart[], message: string): void;
  warning(path: readonly PathPart[], message: string): void;
}

/** All sections, without what is known about their origin. */
export type Sections = Omit<Config, "warnings" | "files">;

/** The sections that passed; null for each that did not. */
export type PartialSections = { readonly [Name in keyof Sections]: Sections[Name] | null };
