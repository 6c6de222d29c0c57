import { z } from "zod";
import { didYouMean } from "./suggestion.ts";
import { parseByteSize, parseSeconds } from "./units.ts";

/** What is known about one setting besides its value: for environment variables and for docs/configuration.md. */
export interface SettingInfo {
  readonly kind: "text" | "whole number" | "fraction" | "duration" | "size" | "flag" | "choice" | "list" | "map";
  /** The default as it would be written; `none` for null and the empty list, `required` when there is no default. */
  readonly defaultText: string;
  /** The bounds as the documentation words them. */
  readonly bounds: string;
  /** True when the environment twin also exists with `_FILE` behind it, naming a file that has the value. */
  readonly hasFileTwin: boolean;
  /** Name of the environment twin behind its section's name, where it is not made from the key. */
  readonly variable?: string;
}

/** A value, or what is wrong with it; `index` where only one item of a list is. */
type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly { readonly message: string; readonly index?: number }[] };

/** The schema of one setting. */
export type SettingSchema<T> = z.ZodType<T>;

/**
 * Stands in the place of a text whose reference (`${…}`) could not be resolved. That problem has been told already, so the
 * setting fails quietly, with {@link UNRESOLVED_MESSAGE}.
 */
export const UNRESOLVED = Symbol("unresolved");

/** The message of a problem that is not to be told. */
export const UNRESOLVED_MESSAGE = "unresolved";

const settings = z.registry<SettingInfo>();

/** The facts about a setting; undefined for a schema that is not one. */
export function settingInfo(schema: z.ZodType): SettingInfo | undefined {
  return settings.get(schema);
}

interface Definition<T> {
  readonly info: Omit<SettingInfo, "defaultText" | "hasFileTwin"> & { readonly hasFileTwin?: boolean };
  /** Undefined: the setting is required. Null: it may be absent, and may be written as null. */
  readonly default: T | undefined;
  readonly decode: (value: unknown) => Decoded<T>;
}

/** Makes a setting's schema. Messages never repeat the value, which may be a secret in the wrong place. */
function setting<T>(definition: Definition<T>): SettingSchema<T> {
  const decoder = z.unknown().transform((value, context): T => {
    const decoded = decode(definition, value);
    if (decoded.ok) return decoded.value;
    for (const { message, index } of decoded.problems) {
      context.addIssue({ code: "custom", message, path: index === undefined ? [] : [index] });
    }
    return z.NEVER;
  });
  // Zod wants an absent key to be allowed by the schema; the decoder then meets the default as if it had been written.
  const schema = definition.default === undefined ? decoder : decoder.prefault(definition.default);
  settings.add(schema, {
    ...definition.info,
    hasFileTwin: definition.info.hasFileTwin ?? false,
    defaultText: defaultText(definition.default),
  });
  return schema;
}

function decode<T>(definition: Definition<T>, value: unknown): Decoded<T> {
  if (value === undefined) return wrong("is required");
  if (value === null) {
    if (definition.default === null) return right(definition.default);
    return wrong("has no value: give it one, or remove the key");
  }
  return value === UNRESOLVED ? wrong(UNRESOLVED_MESSAGE) : definition.decode(value);
}

function defaultText(value: unknown): string {
  if (value === undefined) return "required";
  if (value === null) return "none";
  if (Array.isArray(value)) return value.length === 0 ? "none" : JSON.stringify(value);
  if (typeof value === "object") return "none";
  return String(value);
}

const right = <T>(value: T): Decoded<T> => ({ ok: true, value });
const wrong = (message: string): Decoded<never> => ({ ok: false, problems: [{ message }] });

/** Bounds of a number. The maximum of options that uWebSockets.js reads as int32 is below 2^31. */
export interface NumberOptions {
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

/** Largest number that uWebSockets.js takes as an option. */
export const MAX_INT32 = 2 ** 31 - 1;

const WHOLE_NUMBER = /^\d{1,15}$/;

/** A whole number; also as text, which is how environment variables come. */
export function wholeNumber(options: NumberOptions): SettingSchema<number> {
  const rule = `must be a whole number from ${options.min} to ${options.max}`;
  const parse = (text: string) => (WHOLE_NUMBER.test(text) ? Number(text) : null);
  return number({ kind: "whole number", rule, parse, options });
}

const FRACTION = /^(?:[01]?\.\d{1,15}|[01])$/;

/** A number from 0 to 1, such as 0.01; also as text. */
export function fraction(defaultValue: number): SettingSchema<number> {
  return setting({
    info: { kind: "fraction", bounds: "0 to 1" },
    default: defaultValue,
    decode: (value) => {
      const parsed = typeof value === "string" && FRACTION.test(value) ? Number(value) : value;
      const isFine = typeof parsed === "number" && parsed >= 0 && parsed <= 1;
      return isFine ? right(parsed) : wrong("must be a number from 0 to 1, such as 0.01 for one in a hundred");
    },
  });
}

/** A duration in whole seconds, as a number or as `30s`, `2m`, `1h`. */
export function duration(options: NumberOptions): SettingSchema<number> {
  const rule = `must be a duration from ${options.min} to ${options.max} seconds, such as 30, "30s", "2m" or "1h"`;
  return number({ kind: "duration", rule, parse: parseSeconds, options });
}

/** A size in bytes, as a number or as `10KB`, `1MiB`. */
export function byteSize(options: NumberOptions): SettingSchema<number> {
  const rule = `must be a size from ${options.min} to ${options.max} bytes, such as 65536, "64KiB" or "10KB"`;
  return number({ kind: "size", rule, parse: parseByteSize, options });
}

interface NumberDefinition {
  readonly kind: SettingInfo["kind"];
  readonly rule: string;
  readonly parse: (text: string) => number | null;
  readonly options: NumberOptions;
}

function number({ kind, rule, parse, options }: NumberDefinition): SettingSchema<number> {
  return setting({
    info: { kind, bounds: `${options.min} to ${options.max}` },
    default: options.default,
    decode: (value) => {
      const parsed = typeof value === "string" ? parse(value) : value;
      const isFine = Number.isSafeInteger(parsed) && Number(parsed) >= options.min && Number(parsed) <= options.max;
      return isFine ? right(Number(parsed)) : wrong(rule);
    },
  });
}

/** True or false; also as text. */
export function flag(defaultValue: boolean): SettingSchema<boolean> {
  return setting({
    info: { kind: "flag", bounds: "true or false" },
    default: defaultValue,
    decode: (value) => {
      if (value === true || value === "true") return right(true);
      if (value === false || value === "false") return right(false);
      return wrong("must be true or false");
    },
  });
}

/** One of a few words. */
export function choice<const Word extends string>(words: readonly Word[], defaultValue: Word): SettingSchema<Word> {
  return setting<Word>({
    info: { kind: "choice", bounds: words.join(", ") },
    default: defaultValue,
    decode: (value) => {
      const word = words.find((candidate) => candidate === value);
      if (word !== undefined) return right(word);
      return wrong(`must be one of ${words.join(", ")}.${typeof value === "string" ? didYouMean(value, words) : ""}`);
    },
  });
}

/** How a text is checked. */
export interface TextOptions {
  /** The bounds as the documentation words them. */
  readonly bounds: string;
  /** What is wrong with a text, or null when nothing is. Must not repeat the text. */
  readonly check: (text: string) => string | null;
  readonly hasFileTwin?: boolean;
}

/** A text that must be there, or has a default. */
export function text(options: TextOptions & { readonly default?: string }): SettingSchema<string> {
  return setting({
    info: { kind: "text", ...textInfo(options) },
    default: options.default,
    decode: textDecoder(options),
  });
}

/** A text that may be absent, which is null. */
export function optionalText(options: TextOptions): SettingSchema<string | null> {
  return setting<string | null>({
    info: { kind: "text", ...textInfo(options) },
    default: null,
    decode: textDecoder(options),
  });
}

/** How a list of texts is checked; `check` is for each item. */
export interface ListOptions extends TextOptions {
  /** Undefined: required. */
  readonly default?: readonly string[];
  readonly minItems: number;
  readonly maxItems: number;
  /** See {@link SettingInfo.variable}. */
  readonly variable?: string;
}

/** A list of texts without repetitions. A single text counts as a list of one. */
export function textList(options: ListOptions): SettingSchema<readonly string[]> {
  const decodeItem = textDecoder(options);
  const size = options.minItems === 0 ? `at most ${options.maxItems}` : `${options.minItems} to ${options.maxItems}`;
  return setting<readonly string[]>({
    info: {
      kind: "list",
      ...textInfo(options),
      bounds: `${size} of: ${options.bounds}`,
      ...(options.variable === undefined ? {} : { variable: options.variable }),
    },
    default: options.default,
    decode: (value) => {
      const items: unknown = typeof value === "string" ? [value] : value;
      if (!Array.isArray(items)) return wrong("must be a list of texts");
      if (items.length < options.minItems || items.length > options.maxItems) return wrong(`must have ${size} items`);
      const problems: { message: string; index: number }[] = [];
      for (const [index, item] of items.entries()) {
        const decoded = decodeItem(item);
        if (!decoded.ok) problems.push(...decoded.problems.map(({ message }) => ({ message, index })));
        else if (items.indexOf(item) < index) problems.push({ message: "repeats an earlier item", index });
      }
      return problems.length > 0 ? { ok: false, problems } : right(items.map(String));
    },
  });
}

/** How a map of texts is checked; `check` is for each value. */
export interface MapOptions extends TextOptions {
  /** What is wrong with a key, or null when nothing is. Must not repeat it. */
  readonly checkKey: (key: string) => string | null;
  readonly maxItems: number;
}

/** A map of texts, empty when absent. From the environment it comes as JSON. Keys become lower case, and must differ so. */
export function textMap(options: MapOptions): SettingSchema<Readonly<Record<string, string>>> {
  const decodeValue = textDecoder(options);
  return setting<Readonly<Record<string, string>>>({
    info: { kind: "map", ...textInfo(options), bounds: `at most ${options.maxItems} of: ${options.bounds}` },
    default: {},
    decode: (value) => {
      const map: unknown = typeof value === "string" ? parseJson(value) : value;
      if (typeof map !== "object" || map === null || Array.isArray(map)) return wrong("must be a map of texts");
      const entries = Object.entries(map);
      if (entries.length > options.maxItems) return wrong(`must have at most ${options.maxItems} entries`);
      const decoded = new Map<string, string>();
      for (const [key, item] of entries) {
        const text = decodeValue(item);
        const keyProblem = options.checkKey(key);
        if (keyProblem !== null) return wrong(`has a name that can't be used: it ${keyProblem}`);
        if (!text.ok) return wrong(text.problems.map(({ message }) => message).join("; "));
        if (decoded.has(key.toLowerCase())) return wrong("has the same name twice: upper and lower case don't differ");
        decoded.set(key.toLowerCase(), text.value);
      }
      return right(Object.fromEntries(decoded));
    },
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Whoever asked says what would be right.
    return null;
  }
}

function textInfo({ bounds, hasFileTwin }: TextOptions) {
  return { bounds, hasFileTwin: hasFileTwin ?? false };
}

function textDecoder({ check }: TextOptions): (value: unknown) => Decoded<string> {
  return (value) => {
    // YAML reads 1001 as a number and would change 01001 or 1e3 for ever, so a number is not quietly made a text.
    if (typeof value === "number" || typeof value === "boolean") return wrong("must be a text: put it in quotes");
    if (value === UNRESOLVED) return wrong(UNRESOLVED_MESSAGE);
    if (typeof value !== "string") return wrong("must be a text");
    const problem = check(value);
    return problem === null ? right(value) : wrong(problem);
  };
}
