import type { Position } from "./ports/history-store.ts";

const POSITION = /^([A-Za-z0-9_-]{1,32}):(0|[1-9]\d{0,15})$/;

/** A position as clients and callers get it: `EPOCH:OFFSET`. */
export function formatPosition({ epoch, offset }: Position): string {
  return `${epoch}:${offset}`;
}

/** Reads what {@link formatPosition} wrote; null for any other text. */
export function parsePosition(text: string): Position | null {
  const [, epoch, digits] = POSITION.exec(text) ?? [];
  const offset = Number(digits);
  return epoch !== undefined && Number.isSafeInteger(offset) ? { epoch, offset } : null;
}
