/** The bytes that JSON text is put together with, and what both of its readers here do with them. */

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACKET = 0x5d;
export const LAST_ASCII = 0x7f;

/** The first place at or behind `from` without a blank; behind the end where there is none. */
export function skipBlanks(json: Uint8Array, from: number): number {
  let at = from;
  for (let byte = json[at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; ) {
    at++;
    byte = json[at];
  }
  return at;
}
