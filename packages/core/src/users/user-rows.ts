import { listOf } from "../control/control-question.ts";

/** What a gateway tells of one user. */
export interface UserRow {
  readonly appId: string;
  readonly userId: string;
  /** When its connections there came, oldest first, in ms since 1970; empty: it has none there (any more). */
  readonly cameAtMs: readonly number[];
  /** True: it is new there; who has it as well shall tell so. */
  readonly wantsAnswer: boolean;
}

/** Most connections of one user that a limit may allow, and that are told of. */
export const MAX_CONNECTIONS_PER_USER = 1000;

/** A message stays well below what every cluster link takes, in bytes. */
const MAX_MESSAGE_BYTES = 32_768;

/** Puts rows into as few messages as they fit. */
export function toMessages(rows: readonly UserRow[]): unknown[][] {
  const messages: unknown[][] = [];
  let bytes = MAX_MESSAGE_BYTES;
  for (const { appId, userId, cameAtMs, wantsAnswer } of rows) {
    // As msgpack at the most: three bytes a character, nine a number.
    const size = 16 + 3 * (appId.length + userId.length) + 9 * cameAtMs.length;
    if (bytes + size > MAX_MESSAGE_BYTES) {
      messages.push([]);
      bytes = 0;
    }
    bytes += size;
    messages.at(-1)?.push([appId, userId, cameAtMs, wantsAnswer]);
  }
  return messages;
}

/** Reads a message, which may come from another version; rows of another form are left out. */
export function decodeUserRows(body: unknown): UserRow[] {
  return listOf(body).flatMap((row) => {
    const [appId, userId, times, wantsAnswer] = listOf(row);
    if (typeof appId !== "string" || typeof userId !== "string") return [];
    const cameAtMs = listOf(times)
      .filter((time) => typeof time === "number")
      .slice(0, MAX_CONNECTIONS_PER_USER);
    return [{ appId, userId, cameAtMs, wantsAnswer: wantsAnswer === true }];
  });
}
