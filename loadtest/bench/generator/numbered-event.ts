import { nowUs } from "./payload.ts";

/** The channel of the numbered events. */
export const NUMBERED_CHANNEL = "bench-numbered";

const EVENT = "tick";
const AT_DIGITS = 16;
const NUMBER_DIGITS = 8;
const PAYLOAD_BYTES = 128;

// Every part has a fixed length, so its place in a delivered frame is known and nothing has to be parsed.
const BEFORE_AT = `{"channel":"${NUMBERED_CHANNEL}","event":"${EVENT}","payload":{"at":"`;
const BEFORE_NUMBER = `","number":"`;
const BEFORE_PAD = `","pad":"`;
const PAD = "x".repeat(PAYLOAD_BYTES - `{"at":"${BEFORE_NUMBER}${BEFORE_PAD}"}`.length - AT_DIGITS - NUMBER_DIGITS);
const AFTER_PAD = `"}`;
const AT = BEFORE_AT.length;
const NUMBER = AT + AT_DIGITS + BEFORE_NUMBER.length;
const POSITION = `,"position":"`;

/** A publish of event `number`, with the time of sending; always equally long. */
export function numberedBody(number: number): string {
  const at = String(nowUs()).padStart(AT_DIGITS, "0");
  const digits = String(number).padStart(NUMBER_DIGITS, "0");
  return `${BEFORE_AT}${at}${BEFORE_NUMBER}${digits}${BEFORE_PAD}${PAD}${AFTER_PAD}}`;
}

/** True when a frame that begins at `start` is a delivery: replies and pushes begin with their `type`. */
export function isDelivery(bytes: Uint8Array, start: number): boolean {
  return bytes[start + 2] === 0x63;
}

/** The number in a delivered frame that begins at `start`. */
export function numberIn(bytes: Uint8Array, start: number): number {
  return digitsAt(bytes, start + NUMBER, NUMBER_DIGITS);
}

/** When it was published, on the scale of {@link nowUs}. */
export function sentUsIn(bytes: Uint8Array, start: number): number {
  return digitsAt(bytes, start + AT, AT_DIGITS);
}

/** The position that a delivered frame carries; "" when there is none. */
export function positionIn(text: string): string {
  const at = text.lastIndexOf(POSITION);
  return at < 0 ? "" : text.slice(at + POSITION.length, text.indexOf('"', at + POSITION.length));
}

/** Whether a delivered frame is what {@link numberedBody} published as `number`. */
export function isGenuine(text: string, number: number): boolean {
  const frame = JSON.parse(text) as Record<string, unknown>;
  const payload = frame["payload"] as Record<string, unknown> | undefined;
  const isRightEvent = frame["channel"] === NUMBERED_CHANNEL && frame["event"] === EVENT;
  return isRightEvent && Number(payload?.["number"]) === number && payload?.["pad"] === PAD;
}

function digitsAt(bytes: Uint8Array, start: number, count: number): number {
  let value = 0;
  for (let at = start; at < start + count; at++) value = value * 10 + ((bytes[at] ?? 48) - 48);
  return value;
}
