/**
 * How the payload of an envelope, which is always JSON text, and the `data` of a Pusher event, which is always a string, become
 * each other. A string that is published is delivered to Pusher clients exactly as it was, whatever it holds; clients of
 * other protocols get the value where the string is JSON text, and the string where it is not.
 *
 * | published through Pusher's HTTP API | payload | `isDataText` |
 * | --- | --- | --- |
 * | a string that is JSON text, such as `{"id":1}`, `7`, `"x"` | that text | true |
 * | any other string, such as `hello` | the string as a JSON string literal | absent |
 *
 * | payload | `isDataText` | `data` of a Pusher frame |
 * | --- | --- | --- |
 * | any | true | the payload's text, as a string literal |
 * | a string literal | absent | that literal |
 * | any other JSON text | absent | that text, as a string literal |
 */
import type { Envelope } from "../envelope.ts";

/** What an envelope carries of a string that was published. */
export type PusherPayload = Pick<Envelope, "payload" | "isDataText">;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const QUOTE = 0x22;
const BLANKS: readonly number[] = [0x20, 0x09, 0x0a, 0x0d];
// Half a surrogate pair has no UTF-8 form.
const HALF_PAIR = /\p{Surrogate}/u;

/** The payload that carries the `data` of a Pusher event. Never throws. */
export function toPayload(data: string): PusherPayload {
  if (isJsonText(data) && !HALF_PAIR.test(data)) return { payload: encoder.encode(data), isDataText: true };
  // Escapes half surrogate pairs, so the literal always has a UTF-8 form.
  return { payload: encoder.encode(JSON.stringify(data)) };
}

/**
 * The `data` of a Pusher frame as a JSON string literal in UTF-8, quotes included. A view into the payload where that is
 * the literal already. `toPayload` and then this give the string that was published.
 */
export function toDataLiteral({ payload, isDataText }: PusherPayload): Uint8Array {
  if (isDataText !== true && isStringLiteral(payload)) return payload;
  return encoder.encode(JSON.stringify(decoder.decode(payload)));
}

/** True when JSON text in UTF-8 is that of a string. */
function isStringLiteral(json: Uint8Array): boolean {
  return json.find((byte) => !BLANKS.includes(byte)) === QUOTE;
}

function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
