/**
 * The payload of every publication of a load test: a text of fixed parts, so that its place in a frame is found by one search,
 * whatever the protocol, and nothing has to be parsed.
 *
 *     load:KIND:PHASE:NUMBER:MILLISECONDS:TARGET:xxxx.
 */

/** `S`: to everybody; `O`: to one client on a channel of its own; `C`: from a client to the others of its room. */
export type Kind = "S" | "O" | "C";

/** What a payload says. */
export interface Numbered {
  readonly kind: Kind;
  readonly phase: number;
  readonly number: number;
  /** When it was published, in milliseconds since 1970. */
  readonly atMs: number;
  /** The client or the room that it is for; 0 for everybody. */
  readonly target: number;
}

const MARK = '"load:';
const FIXED_LENGTH = 44;

/** The payload as a text of `bytes - 2` characters: with its quotes it has as many bytes as were asked for. */
export function numberedText({ kind, phase, number, atMs, target }: Numbered, bytes: number): string {
  const head = `load:${kind}:${digits(phase, 3)}:${digits(number, 8)}:${digits(atMs, 13)}:${digits(target, 8)}:`;
  return `${head}${"x".repeat(Math.max(0, bytes - 2 - FIXED_LENGTH))}.`;
}

/** Where a payload begins in a frame in JSON, behind its quote; -1 when there is none. */
export function findNumbered(frame: string): number {
  const at = frame.indexOf(MARK);
  return at < 0 ? -1 : at + 1;
}

/** The payload that begins at `start`; null when it isn't one, or not one of `bytes` bytes. */
export function readNumbered(text: string, start: number, bytes: number): Numbered | null {
  const length = Math.max(FIXED_LENGTH, bytes - 2);
  const kind = text.charAt(start + 5);
  if (kind !== "S" && kind !== "O" && kind !== "C") return null;
  if (text.charAt(start + length - 1) !== ".") return null;
  const numbered = {
    kind,
    phase: Number(text.substring(start + 7, start + 10)),
    number: Number(text.substring(start + 11, start + 19)),
    atMs: Number(text.substring(start + 20, start + 33)),
    target: Number(text.substring(start + 34, start + 42)),
  } as const;
  const isWhole = numbered.phase > 0 && numbered.number > 0 && numbered.atMs > 0 && numbered.target >= 0;
  return isWhole ? numbered : null;
}

function digits(value: number, count: number): string {
  return String(value).padStart(count, "0");
}
