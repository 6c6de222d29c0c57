import type { Position } from "./ports/history-store.ts";

const POSITION = /^([A-Za-z0-9_-]{1,32}):(0|[1-9]\d{0,15})(?::([0-9a-z]{1,9}))?$/;

/** A position as clients and callers get it: `EPOCH:OFFSET`, or `EPOCH:OFFSET:TIME` of a channel that had nothing then. */
export function formatPosition({ epoch, offset, emptyAtMs }: Position): string {
  return emptyAtMs === undefined ? `${epoch}:${offset}` : `${epoch}:${offset}:${emptyAtMs.toString(36)}`;
}

/** Reads what {@link formatPosition} wrote; null for any other text. */
export function parsePosition(text: string): Position | null {
  const [, epoch, digits, time] = POSITION.exec(text) ?? [];
  const offset = Number(digits);
  if (epoch === undefined || !Number.isSafeInteger(offset)) return null;
  return time === undefined ? { epoch, offset } : { epoch, offset, emptyAtMs: Number.parseInt(time, 36) };
}
