/**
 * Looks through msgpack bytes of a client before a decoder sees them. The decoder's extensions would let a small frame make
 * it do large things: back-references that unfold to gigabytes (measured: a frame of 320 bytes became 100 MB of JSON in two
 * seconds), records that make it compile code, and nesting that overflows its stack.
 */

/** Why bytes are not plain msgpack. */
export type MsgpackFlaw =
  /** Not exactly one whole value. */
  | "malformed"
  /** A string that is not UTF-8. */
  | "invalid_utf8"
  /** An extension type, timestamps aside: those do no harm, and are refused where a payload is read. */
  | "extension"
  /** A map key that is not a string, or is `__proto__`, which decoders rename. */
  | "key"
  /** Nested deeper than {@link MAX_MSGPACK_DEPTH}. */
  | "depth";

/** Deepest nesting of a client's frame. Decoders recurse: about 3,000 levels overflow the stack of Node (measured). */
export const MAX_MSGPACK_DEPTH = 1000;

const TIMESTAMP_TYPE = 0xff;
const PROTO_KEY = "__proto__";
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

type Head =
  | { readonly kind: "scalar" | "text" | "list" | "map"; readonly size: number; readonly headBytes: number }
  | { readonly kind: "extension"; readonly size: number; readonly headBytes: number; readonly type: number };

/** A list or map that has begun. Maps count keys and values, so a key comes next when an even number is left. */
interface Open {
  left: number;
  readonly isMap: boolean;
}

/** What keeps `data` from being one value of plain msgpack; null when nothing does. Linear; never throws. */
export function findMsgpackFlaw(data: Uint8Array): MsgpackFlaw | null {
  const open: Open[] = [];
  let at = 0;
  do {
    const parent = open.at(-1);
    const isKey = parent?.isMap === true && parent.left % 2 === 0;
    const head = readHead(data, at);
    if (head === null) return "malformed";
    at += head.headBytes;
    const flaw = isKey && head.kind !== "text" ? "key" : flawOf(head, data.subarray(at, at + head.size), isKey);
    if (flaw !== null) return flaw;
    if (parent !== undefined) parent.left--;
    if (isContainer(head))
      open.push({ left: head.kind === "map" ? head.size * 2 : head.size, isMap: head.kind === "map" });
    else at += head.size;
    if (open.length > MAX_MSGPACK_DEPTH) return "depth";
    while (open.at(-1)?.left === 0) open.pop();
  } while (open.length > 0);
  return at === data.length ? null : "malformed";
}

function isContainer(head: Head): boolean {
  return head.kind === "list" || head.kind === "map";
}

/** `body` is what of the value is there; of a list or map it means nothing. */
function flawOf(head: Head, body: Uint8Array, isKey: boolean): MsgpackFlaw | null {
  if (isContainer(head)) return null;
  if (body.length < head.size) return "malformed";
  if (head.kind === "extension" && head.type !== TIMESTAMP_TYPE) return "extension";
  if (head.kind !== "text") return null;
  try {
    return decoder.decode(body) === PROTO_KEY && isKey ? "key" : null;
  } catch {
    // The decoder's only complaint.
    return "invalid_utf8";
  }
}

/** Reads what a value is and how long; null for the one unused byte, and for bytes that end too soon. */
function readHead(data: Uint8Array, at: number): Head | null {
  const tag = data[at];
  if (tag === undefined || tag === 0xc1) return null;
  if (tag <= 0x7f || tag >= 0xe0) return { kind: "scalar", size: 0, headBytes: 1 };
  if (tag <= 0x8f) return { kind: "map", size: tag & 0x0f, headBytes: 1 };
  if (tag <= 0x9f) return { kind: "list", size: tag & 0x0f, headBytes: 1 };
  if (tag <= 0xbf) return { kind: "text", size: tag & 0x1f, headBytes: 1 };
  return readLongHead(data, at, tag);
}

function readLongHead(data: Uint8Array, at: number, tag: number): Head | null {
  if (tag <= 0xc3) return { kind: "scalar", size: 0, headBytes: 1 };
  if (tag >= 0xca && tag <= 0xd3) return { kind: "scalar", size: SCALAR_BYTES[tag - 0xca] as number, headBytes: 1 };
  if (tag >= 0xd4 && tag <= 0xd8) return extension(data, at + 1, { size: 1 << (tag - 0xd4), headBytes: 2 });
  const form = LONG_FORMS[tag];
  if (form === undefined || at + 1 + form.lengthBytes > data.length) return null;
  let size = 0;
  for (let index = 1; index <= form.lengthBytes; index++) size = size * 256 + (data[at + index] as number);
  const headBytes = 1 + form.lengthBytes;
  if (form.kind === "extension") return extension(data, at + headBytes, { size, headBytes: headBytes + 1 });
  return { kind: form.kind, size, headBytes };
}

function extension(data: Uint8Array, typeAt: number, form: { size: number; headBytes: number }): Head | null {
  const type = data[typeAt];
  return type === undefined ? null : { kind: "extension", ...form, type };
}

// float32, float64, uint8 … uint64, int8 … int64.
const SCALAR_BYTES = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8];

// Binary counts as a scalar: it does no harm, and is refused where a payload is read.
const LONG_FORMS: Readonly<
  Record<number, { readonly kind: "scalar" | "text" | "list" | "map" | "extension"; readonly lengthBytes: number }>
> = {
  196: { kind: "scalar", lengthBytes: 1 },
  197: { kind: "scalar", lengthBytes: 2 },
  198: { kind: "scalar", lengthBytes: 4 },
  199: { kind: "extension", lengthBytes: 1 },
  200: { kind: "extension", lengthBytes: 2 },
  201: { kind: "extension", lengthBytes: 4 },
  217: { kind: "text", lengthBytes: 1 },
  218: { kind: "text", lengthBytes: 2 },
  219: { kind: "text", lengthBytes: 4 },
  220: { kind: "list", lengthBytes: 2 },
  221: { kind: "list", lengthBytes: 4 },
  222: { kind: "map", lengthBytes: 2 },
  223: { kind: "map", lengthBytes: 4 },
};
