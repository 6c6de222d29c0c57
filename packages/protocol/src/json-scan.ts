import * as jsonBytes from "./json-bytes.ts";

const { BACKSLASH, CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, LAST_ASCII, OPEN_BRACE, OPEN_BRACKET, QUOTE, skipBlanks } =
  jsonBytes;

const MINUS = 0x2d;
const PLUS = 0x2b;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const LAST_CONTROL = 0x1f;
const LOWER_E = 0x65;
const LOWER_U = 0x75;
const TO_LOWER = 0x20;
const encoder = new TextEncoder();

/** What may stand behind a backslash, besides `u` and four digits. */
const ESCAPES: ReadonlySet<number> = new Set(encoder.encode('"\\/bfnrt'));
const LITERALS: ReadonlyMap<number, Uint8Array> = new Map(
  ["true", "false", "null"].map((literal) => [literal.charCodeAt(0), encoder.encode(literal)]),
);
const HEX_DIGITS = 4;

/** Deeper nesting is not looked at: nobody's stack shall depend on a body. */
const MAX_DEPTH = 64;

/** That no value could be read: it isn't JSON, or is of a kind that is left to JSON.parse. */
export const NO_VALUE = -1;

/**
 * Walks over JSON text without making anything of it. Whatever it takes is JSON as JSON.parse reads it, provided that the bytes are
 * UTF-8; what it doesn't take may be all the same.
 */
export class JsonScan {
  readonly #bytes: Uint8Array;
  #isAscii = true;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** False when something has been walked over that may or may not be UTF-8. */
  get isAscii(): boolean {
    return this.#isAscii;
  }

  /** Behind the value that begins at `from`; {@link NO_VALUE} for none. */
  value(from: number, depth = 0): number {
    const first = this.#bytes[from];
    if (first === undefined) return NO_VALUE;
    if (first === QUOTE) return this.string(from);
    if (first === OPEN_BRACE || first === OPEN_BRACKET) {
      return depth === MAX_DEPTH ? NO_VALUE : this.#container(from, first === OPEN_BRACE, depth + 1);
    }
    const literal = LITERALS.get(first);
    return literal === undefined ? this.#number(from) : this.#literal(from, literal);
  }

  /** Behind the string that begins at `from`; {@link NO_VALUE} for none. */
  string(from: number): number {
    const bytes = this.#bytes;
    if (bytes[from] !== QUOTE) return NO_VALUE;
    for (let at = from + 1; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) return at + 1;
      if (byte <= LAST_CONTROL) return NO_VALUE;
      if (byte > LAST_ASCII) this.#isAscii = false;
      if (byte !== BACKSLASH) continue;
      at = this.#escape(at + 1);
      if (at === NO_VALUE) return NO_VALUE;
    }
    return NO_VALUE;
  }

  /** At the last character of the escape whose first one behind the backslash is at `from`. */
  #escape(from: number): number {
    const kind = this.#bytes[from];
    if (kind !== LOWER_U) return kind !== undefined && ESCAPES.has(kind) ? from : NO_VALUE;
    for (let at = from + 1; at <= from + HEX_DIGITS; at++) {
      const byte = this.#bytes[at];
      const letter = (byte ?? 0) | TO_LOWER;
      if (!isDigit(byte) && (letter < 0x61 || letter > 0x66)) return NO_VALUE;
    }
    return from + HEX_DIGITS;
  }

  #container(from: number, isObject: boolean, depth: number): number {
    const bytes = this.#bytes;
    const close = isObject ? CLOSE_BRACE : CLOSE_BRACKET;
    let at = skipBlanks(bytes, from + 1);
    if (bytes[at] === close) return at + 1;
    for (;;) {
      if (isObject) {
        const keyEnd = this.string(at);
        if (keyEnd === NO_VALUE) return NO_VALUE;
        at = skipBlanks(bytes, keyEnd);
        if (bytes[at] !== COLON) return NO_VALUE;
        at = skipBlanks(bytes, at + 1);
      }
      const end = this.value(at, depth);
      if (end === NO_VALUE) return NO_VALUE;
      at = skipBlanks(bytes, end);
      if (bytes[at] === close) return at + 1;
      if (bytes[at] !== COMMA) return NO_VALUE;
      at = skipBlanks(bytes, at + 1);
    }
  }

  #literal(from: number, literal: Uint8Array): number {
    for (let index = 0; index < literal.length; index++) {
      if (this.#bytes[from + index] !== literal[index]) return NO_VALUE;
    }
    return from + literal.length;
  }

  #number(from: number): number {
    const bytes = this.#bytes;
    let at = bytes[from] === MINUS ? from + 1 : from;
    if (bytes[at] === ZERO) at++;
    else at = this.#digits(at);
    if (at !== NO_VALUE && bytes[at] === DOT) at = this.#digits(at + 1);
    if (at === NO_VALUE || ((bytes[at] ?? 0) | TO_LOWER) !== LOWER_E) return at;
    at++;
    return this.#digits(bytes[at] === MINUS || bytes[at] === PLUS ? at + 1 : at);
  }

  /** Behind the digits from `from` on, of which there must be one. */
  #digits(from: number): number {
    let at = from;
    while (isDigit(this.#bytes[at])) at++;
    return at === from ? NO_VALUE : at;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}
