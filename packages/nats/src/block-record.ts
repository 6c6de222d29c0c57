import { BLOCK_KINDS, type BlockTarget, type NewBlock } from "@carillon/core";

/** A message of the stream of blocks: a block, or the end of one before its time. */
export type BlockRecord = { readonly block: NewBlock } | { readonly removed: BlockTarget };

/** The form on the wire. Others, of later versions, are passed over. */
const VERSION = 1;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Encodes a record. */
export function encodeBlockRecord(record: BlockRecord): Uint8Array {
  const fields =
    "block" in record
      ? { ...targetOf(record.block), expiresAt: record.block.expiresAtMs, reason: record.block.reason }
      : { ...targetOf(record.removed), removed: true };
  return encoder.encode(JSON.stringify({ v: VERSION, ...fields }));
}

/** Decodes a record; null for bytes that are none. Never throws. */
export function decodeBlockRecord(bytes: Uint8Array): BlockRecord | null {
  let fields: unknown;
  try {
    fields = JSON.parse(decoder.decode(bytes));
  } catch {
    return null;
  }
  if (typeof fields !== "object" || fields === null) return null;
  const { v, app, kind: kindText, id, removed, expiresAt, reason } = fields as Readonly<Record<string, unknown>>;
  const kind = BLOCK_KINDS.find((each) => each === kindText);
  if (v !== VERSION || typeof app !== "string" || typeof id !== "string" || kind === undefined) return null;
  const target = { appId: app, kind, id };
  if (removed === true) return { removed: target };
  if (typeof expiresAt !== "number") return null;
  return { block: { ...target, expiresAtMs: expiresAt, reason: typeof reason === "string" ? reason : null } };
}

function targetOf({ appId, kind, id }: BlockTarget) {
  return { app: appId, kind, id };
}
