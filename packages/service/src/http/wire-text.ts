const NOT_ASCII = /[^\0-\x7f]/;
const encoder = new TextEncoder();

/**
 * What to hand to uWebSockets.js in the place of a text: ASCII as it is, anything else as its UTF-8 bytes.
 *
 * The pinned binaries for Node 22 and 24 write a string without characters above U+00FF one byte a character, as Latin-1: an é
 * would reach the client as broken UTF-8, for which it has to close the connection. And as V8 may keep one text in either
 * form, two equal topics could differ.
 */
export function wireText(text: string): string | Uint8Array {
  return NOT_ASCII.test(text) ? encoder.encode(text) : text;
}

/** The same for what may be bytes already. */
export function wireData(data: string | Uint8Array): string | Uint8Array {
  return typeof data === "string" ? wireText(data) : data;
}
