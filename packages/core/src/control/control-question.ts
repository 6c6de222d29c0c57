/** What processes ask the gateways about channels and connections. Bodies and answers are lists, named here once. */
export const CONTROL = {
  /** `[appId, prefix, after, limit]` → rows of `[channel, subscriptions, users | null]`, by name. */
  channels: "control-channels",
  /** `[appId, names]` → rows of `[channel, subscriptions, users | null, isComplete]` for those that have subscribers. */
  summaries: "control-summaries",
  /** `[appId, channel, after, limit]` → `[count, isComplete, next | null]`, then rows of `[id, info]`. */
  members: "control-members",
  /** `[appId, userId]` → connection ids. */
  connections: "control-connections",
  /** `[appId, "user" | "signed-in" | "token" | "connection", id]` → `[how many]`. */
  disconnect: "control-disconnect",
  /** `[appId, "user" | "token", id, revision, isBlocked]` → `[how many were ended, isKnown]`, once the gateway knows that change. */
  blocks: "control-blocks",
  /** `[appId, channel, messageId, timeoutMs]` → `[expected, received, isDelivered]`, when all is in or the time is up. */
  receipts: "control-receipts",
} as const;

/** Rows in one part of an answer: a part stays far below what a message may have. */
const ROWS_PER_PART = 20;

/** Cuts rows into parts. */
export function toParts<T>(rows: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let from = 0; from < rows.length; from += ROWS_PER_PART) parts.push(rows.slice(from, from + ROWS_PER_PART));
  return parts;
}

/** A body as a list, whatever came. */
export function listOf(body: unknown): readonly unknown[] {
  return Array.isArray(body) ? body : [];
}
