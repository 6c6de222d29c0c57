import { isUtf8 } from "node:buffer";
import { accept, type Refusal, type Result, refuse } from "@carillon/protocol";

/** Beyond this many characters a mistake in a body is reported without its place: finding it parses the text many times. */
const MAX_SEARCHED_CHARACTERS = 262_144;
const BYTE_ORDER_MARK = 0xfeff;

/**
 * Parses a request body. Refuses with `invalid_utf8` or `invalid_json`, saying where the mistake is and never quoting the
 * body, which holds payloads. `bytes` itself is left as it is: payloads are taken out of it byte for byte.
 */
export function parseJsonBody(bytes: Uint8Array): Result<unknown> {
  const text = readTextBody(bytes);
  if (!text.ok) return text;
  try {
    return accept(JSON.parse(text.value));
  } catch {
    // The parser's own message may quote the body.
    return describeMistake(text.value);
  }
}

/** The text of a request body. Refuses with `invalid_utf8`: decoding would put U+FFFD in place of what isn't text. */
export function readTextBody(bytes: Uint8Array): Result<string> {
  if (!isUtf8(bytes)) return refuse("invalid_utf8", describeForeignBytes(bytes));
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return accept(buffer.toString("utf8"));
}

function describeForeignBytes(bytes: Uint8Array): string {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return "the body is compressed: send it without Content-Encoding";
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "the body is UTF-16 text: send it as UTF-8";
  return "the body has bytes that are not UTF-8 text: send it in UTF-8";
}

function describeMistake(text: string): Refusal {
  if (text.trim() === "") return refuse("invalid_json", "the body is empty: send a JSON object");
  if (text.charCodeAt(0) === BYTE_ORDER_MARK) {
    return refuse("invalid_json", "the body begins with a byte order mark: send it without one");
  }
  if (text.length > MAX_SEARCHED_CHARACTERS) return refuse("invalid_json", "the body is not JSON");
  if (isSoundBeginning(text)) {
    return refuse("invalid_json", `the body ends within a value, after ${text.length} characters: is it cut off?`);
  }
  const at = mistakeAt(text);
  return refuse("invalid_json", `the body is not JSON from ${place(text, at)} on${hint(text.slice(at, at + 9))}`);
}

/** Index of the character with which `text` stops being the beginning of any JSON text. */
function mistakeAt(text: string): number {
  let soundLength = 0;
  let unsoundLength = text.length;
  while (unsoundLength - soundLength > 1) {
    const middle = (soundLength + unsoundLength) >>> 1;
    if (isSoundBeginning(text.slice(0, middle))) soundLength = middle;
    else unsoundLength = middle;
  }
  return soundLength;
}

const PLACE_IN_MESSAGE = /at position (\d+)/;

/** True when `text` is JSON, or would be with more behind it. The engine tells the two kinds of mistake apart in words. */
function isSoundBeginning(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : "";
    return message.startsWith("Unexpected end") || isPlacedBehind(message, text.length);
  }
}

function isPlacedBehind(message: string, length: number): boolean {
  if (message.startsWith("Unterminated string")) return true;
  const [, position] = PLACE_IN_MESSAGE.exec(message) ?? [];
  return position !== undefined && Number(position) >= length;
}

function place(text: string, at: number): string {
  const before = text.slice(0, at).split("\n");
  const column = (before.at(-1) ?? "").length + 1;
  return `line ${before.length}, column ${column}`;
}

const QUOTES_HINT = ": strings and names take double quotes; only numbers, true, false and null go without";

function hint(rest: string): string {
  if (rest.startsWith("undefined")) return ": undefined is not JSON, null is";
  if (rest.startsWith("NaN") || rest.startsWith("Infinity")) return ": NaN and Infinity are not JSON";
  if (rest.startsWith("//") || rest.startsWith("/*")) return ": JSON has no comments";
  if (rest.startsWith("}") || rest.startsWith("]")) return ": is there a comma too many before it?";
  return /^['a-z_$]/i.test(rest) ? QUOTES_HINT : "";
}
