import { accept, ERROR_CODES, type ErrorCode, type Result, refuse } from "@carillon/protocol";
import type { Batch, Closing } from "./batch.ts";
import { OutFrame } from "./out-frame.ts";
import type { PollCall, SendCall } from "./sessions.ts";

/** What gateways say to each other about sessions, as lists that msgpack carries. */

const LENGTH_BYTES = 4;

/** Encodes a poll for the owner. */
export function encodePoll({ sessionId, origin, after, waitMs, ticket, transport }: PollCall): unknown {
  return [sessionId, origin, after, waitMs, ticket, transport];
}

/** Decodes it; null for what is none. */
export function decodePoll(body: unknown): PollCall | null {
  if (!Array.isArray(body)) return null;
  const [sessionId, origin, after, waitMs, ticket, transport] = body as unknown[];
  if (typeof sessionId !== "string" || typeof origin !== "string" || typeof ticket !== "string") return null;
  if (typeof after !== "number" || typeof waitMs !== "number") return null;
  if (transport !== "sse" && transport !== "poll") return null;
  return { sessionId, origin, after, waitMs, ticket, transport };
}

/** Encodes a call with commands for the owner. */
export function encodeSend({ sessionId, origin, body, seq, isLast }: SendCall): unknown {
  return [sessionId, origin, body, seq, isLast];
}

/** Decodes it; null for what is none. */
export function decodeSend(message: unknown): SendCall | null {
  if (!Array.isArray(message)) return null;
  const [sessionId, origin, body, seq, isLast] = message as unknown[];
  if (typeof sessionId !== "string" || typeof origin !== "string" || !(body instanceof Uint8Array)) return null;
  if (seq !== null && typeof seq !== "number") return null;
  return { sessionId, origin, body, seq, isLast: isLast === true };
}

/** The parts of an answer without frames. */
export function encodeOutcome(result: Result<unknown>): readonly unknown[] {
  return [result.ok ? [true] : [false, result.code, result.message]];
}

/** The parts of an answer to a poll. `maxPartBytes`: how long a part may be, about. */
export function encodeBatch(result: Result<Batch>, maxPartBytes: number): readonly unknown[] {
  if (!result.ok) return encodeOutcome(result);
  const { frames, next, closing, isReplaced } = result.value;
  const first = frames[0]?.number ?? 0;
  const end = closing === null ? null : [closing.code, closing.reason];
  const pieces: Uint8Array[] = [];
  for (const { frame } of frames) {
    const length = Buffer.allocUnsafe(LENGTH_BYTES);
    length.writeUInt32BE(frame.bytes.length);
    pieces.push(length, frame.bytes);
  }
  const blob = Buffer.concat(pieces);
  const parts: unknown[] = [[true, first, next, end, isReplaced]];
  for (let at = 0; at < blob.length; at += maxPartBytes) parts.push(blob.subarray(at, at + maxPartBytes));
  return parts;
}

/** Decodes what came of a call; null for what is no answer. */
export function decodeOutcome([head]: readonly unknown[]): Result<readonly unknown[]> | null {
  if (!Array.isArray(head)) return null;
  const [isOk, code, message] = head as unknown[];
  if (isOk === true) return accept(head);
  return isErrorCode(code) && typeof message === "string" ? refuse(code, message) : null;
}

/** Decodes the answer to a poll; null for what is none. */
export function decodeBatch(parts: readonly unknown[]): Result<Batch> | null {
  const outcome = decodeOutcome(parts);
  if (outcome === null || !outcome.ok) return outcome;
  const [, first, next, end, isReplaced] = outcome.value;
  const pieces = parts.slice(1);
  if (typeof first !== "number" || typeof next !== "number" || !pieces.every(isBytes)) return null;
  const frames = cut(Buffer.concat(pieces)).map((bytes, index) => ({
    number: first + index,
    frame: new OutFrame(bytes),
  }));
  return accept({ frames, next, closing: closingOf(end), isReplaced: isReplaced === true });
}

function cut(blob: Buffer): Uint8Array[] {
  const frames: Uint8Array[] = [];
  let at = 0;
  while (at + LENGTH_BYTES <= blob.length) {
    const start = at + LENGTH_BYTES;
    at = start + blob.readUInt32BE(at);
    frames.push(blob.subarray(start, at));
  }
  return frames;
}

function closingOf(end: unknown): Closing | null {
  if (!Array.isArray(end)) return null;
  const [code, reason] = end as unknown[];
  return typeof code === "number" && typeof reason === "string" ? { code, reason } : null;
}

function isBytes(part: unknown): part is Uint8Array {
  return part instanceof Uint8Array;
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERROR_CODES, code);
}
