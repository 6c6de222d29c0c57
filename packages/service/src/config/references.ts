import { dirname, resolve } from "node:path";
import type { ConfigDocument } from "./config-document.ts";
import type { ConfigProblem } from "./config-types.ts";
import { UNRESOLVED } from "./setting.ts";
import type { TextFileReader } from "./text-file.ts";

/** Where `${NAME}` and `${file:…}` get their values from. */
export interface ReferenceOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly files: TextFileReader;
  /** The configuration file; relative paths are meant from its folder. Undefined: from the working directory. */
  readonly file?: string;
}

/** What was put in. */
export interface ReferenceOutcome {
  readonly problems: readonly ConfigProblem[];
  /** Names of the variables that were asked for. */
  readonly variables: readonly string[];
}

/** `$${` (a literal), `${NAME}`, `${NAME:-default}`, `${file:path}`; anything else behind `${` is a mistake. */
const REFERENCE = /\$\$\{|\$\{(?:file:(?<path>[^}]+)|(?<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?<fallback>[^}]*))?)\}|\$\{/g;

/**
 * Puts in what the references in a document's texts stand for. It works on parsed texts, so a value can't change the shape
 * of the document, and comments are left alone.
 */
export async function resolveReferences(
  document: ConfigDocument,
  options: ReferenceOptions,
): Promise<ReferenceOutcome> {
  const problems: ConfigProblem[] = [];
  const variables: string[] = [];
  for (const referring of document.referringTexts()) {
    const outcome = await resolveText(referring.text, options, variables);
    if (outcome.ok) {
      referring.replace(outcome.text);
    } else {
      problems.push(...outcome.messages.map((message) => ({ path: "", where: referring.where, message })));
      referring.replace(UNRESOLVED);
    }
  }
  return { problems, variables };
}

async function resolveText(text: string, options: ReferenceOptions, variables: string[]) {
  const messages: string[] = [];
  let result = "";
  let end = 0;
  for (const match of text.matchAll(REFERENCE)) {
    const name = match.groups?.["name"];
    if (name !== undefined) variables.push(name);
    const outcome = await resolveOne(match, options);
    if (outcome.ok) result += text.slice(end, match.index) + outcome.text;
    else messages.push(outcome.message);
    end = match.index + match[0].length;
  }
  result += text.slice(end);
  return messages.length === 0 ? ({ ok: true, text: result } as const) : ({ ok: false, messages } as const);
}

type Outcome = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string };

async function resolveOne(match: RegExpExecArray, { env, files, file }: ReferenceOptions): Promise<Outcome> {
  const { path, name, fallback } = match.groups ?? {};
  if (match[0] === "$${") return { ok: true, text: "${" };
  if (path !== undefined) {
    const absolute = resolve(file === undefined ? "." : dirname(file), path);
    const read = await files.read(absolute);
    if (!read.ok) return { ok: false, message: `the file that this names can't be used: ${read.message}` };
    return { ok: true, text: withoutLineEnd(read.text) };
  }
  if (name === undefined) {
    return {
      ok: false,
      message:
        // biome-ignore lint/suspicious/noTemplateCurlyInString: shown as it stands
        "${ begins a reference: write ${NAME}, ${NAME:-default} or ${file:path}, or $${ for the characters themselves",
    };
  }
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value !== undefined && (value !== "" || fallback === undefined)) return { ok: true, text: value };
  if (fallback !== undefined) return { ok: true, text: fallback };
  return { ok: false, message: `the environment variable ${name} is not set` };
}

/** Editors and `echo` end a file with a line end, which is never meant to be part of a secret. */
export function withoutLineEnd(text: string): string {
  return text.replace(/(?:\r?\n)+$/, "");
}
