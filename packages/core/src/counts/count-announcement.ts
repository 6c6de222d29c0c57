import { Packr } from "msgpackr";

/**
 * How numbers of subscribers travel on a channel's own subject, beside its events and its presence: a first byte of 3, then
 * msgpack. A node that knows nothing of it drops it as unreadable.
 */
const COUNT_BYTE = 3;

/** How many subscribers of a channel one node has. */
export interface CountAnnouncement {
  readonly nodeId: string;
  readonly count: number;
  /** Rises with each announcement of the node, so that a late one is told from a new one. */
  readonly version: number;
  /** True: who has subscribers as well, please tell the node how many. */
  readonly wantsReply: boolean;
}

const packr = new Packr({ useRecords: false });

/** True for bytes of a bus that are a {@link CountAnnouncement}, at the cost of one comparison. */
export function isCountAnnouncement(bytes: Uint8Array): boolean {
  return bytes[0] === COUNT_BYTE;
}

/** Encodes an announcement into bytes of its own. */
export function encodeCountAnnouncement(announcement: CountAnnouncement): Uint8Array {
  const { nodeId, count, version, wantsReply } = announcement;
  const body: Uint8Array = packr.pack([nodeId, count, version, wantsReply]);
  const bytes = new Uint8Array(1 + body.length);
  bytes[0] = COUNT_BYTE;
  bytes.set(body, 1);
  return bytes;
}

/** Decodes an announcement; null for bytes that are none. */
export function decodeCountAnnouncement(bytes: Uint8Array): CountAnnouncement | null {
  if (!isCountAnnouncement(bytes)) return null;
  let list: unknown;
  try {
    list = packr.unpack(bytes.subarray(1));
  } catch {
    return null;
  }
  if (!Array.isArray(list)) return null;
  const [nodeId, count, version, wantsReply] = list as readonly unknown[];
  if (typeof nodeId !== "string" || !isCount(count) || !isCount(version)) return null;
  return { nodeId, count, version, wantsReply: wantsReply === true };
}

/** True for a whole number that can be a number of subscribers. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
