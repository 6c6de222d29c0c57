/**
 * Finds where a value stands inside JSON text, so that a payload can be passed on byte for byte. Parsing and printing it
 * again would change it: `12345678901234567890`, `1.0` and `{"b":1,"a":2}` with its blanks would all come out different.
 */

import * as jsonBytes from "./json-bytes.ts";

const { BACKSLASH, CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, LAST_ASCII, OPEN_BRACE, OPEN_BRACKET, QUOTE, skipBlanks } =
  jsonBytes;

/** Where a value stands: from its first byte to behind its last. */
export interface JsonSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * The span of member `name` of the object that begins at `start`, or null when it has no such member. A repeated member
 * counts where it stands last, as JSON.parse reads it. `json` must have been found valid before (by JSON.parse): on other
 * bytes the answer means nothing, though it always comes.
 */
export function memberSpan(json: Uint8Array, name: string, start = 0): JsonSpan | null {
  let at = skipBlanks(json, start);
  if (json[at] !== OPEN_BRACE) return null;
  let found: JsonSpan | null = null;
  at = skipBlanks(json, at + 1);
  while (at < json.length && json[at] !== CLOSE_BRACE) {
    const keyEnd = valueEnd(json, at);
    const isWanted = keyIs(json, at, keyEnd, name);
    const valueStart = skipBlanks(json, skipBlanks(json, keyEnd) + 1);
    const end = valueEnd(json, valueStart);
    if (isWanted) found = { start: valueStart, end };
    at = skipBlanks(json, end);
    if (json[at] === COMMA) at = skipBlanks(json, at + 1);
  }
  return found;
}

/** Member `name` of the object that `json` is the text of, as it stands there; null when it has none. The same condition on `json`. */
export function memberText(json: string, name: string): string | null {
  const bytes = encoder.encode(json);
  const span = memberSpan(bytes, name);
  return span === null ? null : decoder.decode(bytes.subarray(span.start, span.end));
}

/** The spans of the elements of the array that begins at `start`. The same condition on `json` as {@link memberSpan}. */
export function elementSpans(json: Uint8Array, start: number): JsonSpan[] {
  const spans: JsonSpan[] = [];
  let at = skipBlanks(json, start);
  if (json[at] !== OPEN_BRACKET) return spans;
  at = skipBlanks(json, at + 1);
  while (at < json.length && json[at] !== CLOSE_BRACKET) {
    const end = valueEnd(json, at);
    spans.push({ start: at, end });
    at = skipBlanks(json, end);
    if (json[at] === COMMA) at = skipBlanks(json, at + 1);
  }
  return spans;
}

/** Behind the last byte of the value that begins at `start`. */
function valueEnd(json: Uint8Array, start: number): number {
  const first = json[start];
  if (first === QUOTE) return stringEnd(json, start);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return containerEnd(json, start);
  let at = start;
  while (at < json.length && !endsLiteral(json[at] as number)) at++;
  // At least one byte on, so that a scan over bytes that are not JSON still comes to its end.
  return Math.max(at, start + 1);
}

function endsLiteral(byte: number): boolean {
  return byte === COMMA || byte === COLON || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte <= 0x20;
}

function stringEnd(json: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < json.length) {
    const byte = json[at];
    if (byte === BACKSLASH) at += 2;
    else if (byte === QUOTE) return at + 1;
    else at++;
  }
  return json.length;
}

function containerEnd(json: Uint8Array, start: number): number {
  let depth = 0;
  let at = start;
  while (at < json.length) {
    const byte = json[at];
    if (byte === QUOTE) {
      at = stringEnd(json, at);
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    at++;
    if (depth === 0) return at;
  }
  return json.length;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function keyIs(json: Uint8Array, start: number, end: number, name: string): boolean {
  if (end - start === name.length + 2) {
    // As many bytes as the name has characters: equal only when all of them are ASCII and unescaped.
    for (let index = 0; index < name.length; index++) {
      const byte = json[start + 1 + index] as number;
      if (byte !== name.charCodeAt(index) || byte > LAST_ASCII) return false;
    }
    return true;
  }
  // A key may be written with escapes ("pa\u0079load") or in UTF-8, which are longer than what they mean.
  if (
    end - start > name.length + 2 &&
    json.subarray(start, end).some((byte) => byte === BACKSLASH || byte > LAST_ASCII)
  ) {
    try {
      return JSON.parse(decoder.decode(json.subarray(start, end))) === name;
    } catch {
      // Not JSON after all; the caller promised otherwise, and no key is the right answer.
      return false;
    }
  }
  return false;
}
