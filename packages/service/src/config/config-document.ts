import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  Lexer,
  LineCounter,
  Parser,
  parseDocument,
  visit,
} from "yaml";
import type { ConfigProblem } from "./config-types.ts";
import type { PathPart } from "./setting-index.ts";

/** A text of the file that holds references (`${…}`), and how to put in what they stand for. */
export interface ReferringText {
  readonly text: string;
  readonly where: string;
  replace(value: string | symbol): void;
}

/** More aliases than any hand-written file has, few enough that a file can't unfold into gigabytes. */
const MAX_ALIAS_COUNT = 1000;

/**
 * Deepest nesting that is parsed, as the parser counts it (about two for each level). Real files need about twenty. The
 * parser recurses, and Node.js 20 ends the process when a regular expression is compiled with hardly any stack left.
 */
const MAX_DEPTH = 200;

/**
 * What each complaint of the parser means. The parser's own sentences are not passed on: they quote the text, and the text
 * may be a secret.
 */
const SYNTAX_MESSAGES: Readonly<Record<string, string>> = {
  BAD_ALIAS: "this alias (*name) or anchor (&name) is not well-formed",
  BAD_DIRECTIVE: "this directive (%) is not supported",
  BAD_DQ_ESCAPE: "this escape is not allowed in double quotes; use single quotes to take \\ as it is",
  BAD_INDENT: "the indentation does not fit the lines above, or a bracket is not closed",
  BAD_SCALAR_START: "a text can't begin with this character: put it in quotes",
  BLOCK_AS_IMPLICIT_KEY: "this key can't hold several values; is a line break or a pair of quotes missing?",
  BLOCK_IN_FLOW: "lists and maps within brackets must be written with brackets too",
  DUPLICATE_KEY: "this key stands here a second time",
  MISSING_CHAR: "something is missing here: a quote, a comma, a colon or a closing bracket",
  MULTILINE_IMPLICIT_KEY: "this is no `key: value` line; is the blank behind the colon missing?",
  MULTIPLE_DOCS: "there is a second document (---) here; only one is read",
  TAB_AS_INDENT: "tabs can't indent in YAML: use blanks",
  TAG_RESOLVE_FAILED: "tags (!name) are not supported",
  UNEXPECTED_TOKEN: "this was not expected here; is a quote, a comma or a blank behind a colon missing?",
};

/** One parsed YAML or JSON text, which knows where each of its values stands. */
export class ConfigDocument {
  readonly #name: string;
  readonly #document: Document.Parsed | null;
  readonly #lines = new LineCounter();
  readonly #problems: ConfigProblem[] = [];

  /** `name` is how problems call it: the file's name, or a variable's. Never throws: see `problems`. */
  constructor(text: string, name: string) {
    this.#name = name;
    this.#document = this.#parse(text);
  }

  /** Why the text can't be used; empty when it can. */
  get problems(): readonly ConfigProblem[] {
    return this.#problems;
  }

  /** Everything in it as plain values. Only to be called when there are no problems; undefined when it can't be unfolded. */
  toValue(): unknown {
    try {
      return this.#document?.toJS({ maxAliasCount: MAX_ALIAS_COUNT });
    } catch {
      // The parser names the alias here, without a position; the file is refused either way.
      this.#problem("", "its aliases (*name) or merges (<<) can't be unfolded: into too much, or not into a map");
      return undefined;
    }
  }

  /** Every text that holds `${`, in keys not. */
  referringTexts(): readonly ReferringText[] {
    const found: ReferringText[] = [];
    if (this.#document === null) return found;
    visit(this.#document, {
      Scalar: (key, node) => {
        const text = node.value;
        if (key === "key" || typeof text !== "string" || !text.includes("${")) return;
        const replace = (value: string | symbol) => {
          node.value = value;
        };
        found.push({ text, where: this.#where(node.range?.[0]), replace });
      },
    });
    return found;
  }

  /** `name:line:column` of the setting at `path`, or of the innermost thing around it that is there; "" for none. */
  locate(path: readonly PathPart[]): string {
    let node: unknown = this.#document?.contents;
    let offset: number | undefined;
    for (const part of path) {
      const target = isAlias(node) && this.#document !== null ? node.resolve(this.#document) : node;
      if (!isCollection(target)) break;
      const item: unknown = isMap(target)
        ? target.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(part))
        : target.items[Number(part)];
      if (item === undefined) break;
      const position = isPair(item) ? item.key : item;
      if (isNode(position)) offset = position.range?.[0] ?? offset;
      node = isPair(item) ? item.value : item;
    }
    return offset === undefined ? "" : this.#where(offset);
  }

  #parse(text: string): Document.Parsed | null {
    if (isNestedTooDeeply(text)) {
      this.#problem("", "this can't be read as YAML or JSON: it is nested too deeply");
      return null;
    }
    const document = parseDocument(text, { lineCounter: this.#lines, merge: true, prettyErrors: false });
    for (const { code, pos } of [...document.errors, ...document.warnings]) {
      this.#problem(this.#where(pos[0]), SYNTAX_MESSAGES[code] ?? "this is neither YAML nor JSON");
    }
    visit(document, {
      Alias: (_key, node) => {
        if (node.resolve(document) === undefined) {
          this.#problem(this.#where(node.range?.[0]), "there is no anchor (&name) above for this alias (*name)");
        }
      },
    });
    return document;
  }

  #where(offset: number | undefined): string {
    if (offset === undefined) return this.#name;
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#name}:${line}:${col}`;
  }

  #problem(where: string, message: string): void {
    this.#problems.push({ path: "", where: where === "" ? this.#name : where, message });
  }
}

/** Looks at the nesting alone, without recursion. */
function isNestedTooDeeply(text: string): boolean {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    // The parser works while it is iterated.
    for (const _token of parser.next(lexeme));
    if (parser.stack.length > MAX_DEPTH) return true;
  }
  return false;
}
