import { Packr } from "msgpackr";

/**
 * How presence travels on a channel's own subject, beside its events: a first byte of 2, where an envelope of an event has 1,
 * then msgpack. So a node that knows nothing of presence drops it as unreadable.
 */
const PRESENCE_BYTE = 2;

/** A user on one node, as nodes tell each other. */
export interface PresenceUser {
  readonly id: string;
  /** JSON text, or null. */
  readonly info: string | null;
  /** When the user's first connection there came, in ms since 1970 of that node's clock. */
  readonly sinceMs: number;
}

/** What changed on one node's part of a channel. */
export interface PresenceDelta {
  readonly nodeId: string;
  /** The version that this changes; 0: `joined` is all there is. */
  readonly previousVersion: number;
  /** Rises with each delta of the node, over all of its channels. */
  readonly version: number;
  readonly joined: readonly PresenceUser[];
  readonly left: readonly string[];
}

const packr = new Packr({ useRecords: false });

/** True for bytes of a bus that are a {@link PresenceDelta}, at the cost of one comparison. */
export function isPresenceDelta(bytes: Uint8Array): boolean {
  return bytes[0] === PRESENCE_BYTE;
}

/** Encodes a delta into bytes of its own. */
export function encodePresenceDelta(delta: PresenceDelta): Uint8Array {
  const { nodeId, previousVersion, version, joined, left } = delta;
  const body: Uint8Array = packr.pack([nodeId, previousVersion, version, joined.map(presenceUserRow), left]);
  const bytes = new Uint8Array(1 + body.length);
  bytes[0] = PRESENCE_BYTE;
  bytes.set(body, 1);
  return bytes;
}

/** Decodes a delta; null for bytes that are none. */
export function decodePresenceDelta(bytes: Uint8Array): PresenceDelta | null {
  if (!isPresenceDelta(bytes)) return null;
  let list: unknown;
  try {
    list = packr.unpack(bytes.subarray(1));
  } catch {
    return null;
  }
  if (!Array.isArray(list)) return null;
  const [nodeId, previousVersion, version, rows, left] = list as readonly unknown[];
  const joined = presenceUsersOf(rows);
  if (typeof nodeId !== "string" || typeof previousVersion !== "number" || typeof version !== "number") return null;
  if (joined === null || !Array.isArray(left) || !left.every((id) => typeof id === "string")) return null;
  return { nodeId, previousVersion, version, joined, left };
}

/** A user as a row of a message. */
export function presenceUserRow({ id, info, sinceMs }: PresenceUser): readonly unknown[] {
  return [id, info, sinceMs];
}

/** Reads rows of users; null when they are none. */
export function presenceUsersOf(rows: unknown): PresenceUser[] | null {
  if (!Array.isArray(rows)) return null;
  const users: PresenceUser[] = [];
  for (const row of rows) {
    if (!Array.isArray(row)) return null;
    const [id, info, sinceMs] = row as readonly unknown[];
    if (typeof id !== "string" || typeof sinceMs !== "number") return null;
    if (info !== null && typeof info !== "string") return null;
    users.push({ id, info, sinceMs });
  }
  return users;
}
