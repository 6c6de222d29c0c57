import { Packr } from "msgpackr";

/** What processes say to each other over a ClusterLink. */
export type ClusterMessage =
  /** A sign of life. `wantsReply`: from one who has just come (back) and doesn't know who is there. */
  | {
      readonly type: "beat";
      readonly from: string;
      readonly isGateway: boolean;
      readonly wantsReply: boolean;
      readonly connections: readonly (readonly [appId: string, count: number])[];
      /** Whether it takes new connections; null: it doesn't tell. */
      readonly isAccepting: boolean | null;
    }
  | { readonly type: "goodbye"; readonly from: string }
  | { readonly type: "tell"; readonly from: string; readonly kind: string; readonly body: unknown }
  | {
      readonly type: "question";
      readonly from: string;
      readonly question: number;
      readonly kind: string;
      readonly body: unknown;
    }
  /** One part of an answer. `hasPart` is false where there is nothing to say. */
  | {
      readonly type: "answer";
      readonly from: string;
      readonly question: number;
      readonly isLast: boolean;
      readonly isFailed: boolean;
      readonly hasPart: boolean;
      readonly part: unknown;
    };

/** The form on the wire: a list that begins with the version and the type. */
const VERSION = 1;
const TYPES = ["beat", "goodbye", "tell", "question", "answer"] as const;

// Plain msgpack: records and shared structures would tie a message to those before it.
// Bytes are copied out of a message, which is only there for a moment.
const packr = new Packr({ useRecords: false, mapsAsObjects: true, encodeUndefinedAsNil: true, copyBuffers: true });

/** Encodes a message into bytes of its own. */
export function encodeClusterMessage(message: ClusterMessage): Uint8Array {
  // msgpackr hands out parts of a buffer that it goes on using for what comes later, never for what was.
  return packr.pack([VERSION, TYPES.indexOf(message.type), ...fieldsOf(message)]);
}

function fieldsOf(message: ClusterMessage): readonly unknown[] {
  switch (message.type) {
    case "beat":
      return [message.from, message.isGateway, message.wantsReply, message.connections, message.isAccepting];
    case "goodbye":
      return [message.from];
    case "tell":
      return [message.from, message.kind, message.body];
    case "question":
      return [message.from, message.question, message.kind, message.body];
    case "answer":
      return [message.from, message.question, message.isLast, message.isFailed, message.hasPart, message.part];
  }
}

/** Decodes a message; null for bytes that are none, or are of another version: the caller counts and drops those. */
export function decodeClusterMessage(bytes: Uint8Array): ClusterMessage | null {
  let list: unknown;
  try {
    list = packr.unpack(bytes);
  } catch {
    return null;
  }
  if (!Array.isArray(list) || list[0] !== VERSION || typeof list[2] !== "string") return null;
  const [, type, from, ...fields] = list as [number, number, string, ...unknown[]];
  switch (TYPES[type]) {
    case "beat":
      return decodeBeat(from, fields);
    case "goodbye":
      return { type: "goodbye", from };
    case "tell":
      return typeof fields[0] === "string" ? { type: "tell", from, kind: fields[0], body: fields[1] } : null;
    case "question":
      return decodeQuestion(from, fields);
    case "answer":
      return decodeAnswer(from, fields);
    default:
      return null;
  }
}

function decodeBeat(from: string, fields: readonly unknown[]): ClusterMessage | null {
  // The last one came later: nodes of before don't send it.
  const [isGateway, wantsReply, connections, accepting] = fields;
  if (!Array.isArray(connections)) return null;
  const isEntry = (entry: unknown): entry is readonly [string, number] =>
    Array.isArray(entry) && typeof entry[0] === "string" && typeof entry[1] === "number";
  if (!connections.every(isEntry)) return null;
  const isAccepting = typeof accepting === "boolean" ? accepting : null;
  return {
    type: "beat",
    from,
    isGateway: isGateway === true,
    wantsReply: wantsReply === true,
    connections,
    isAccepting,
  };
}

function decodeQuestion(from: string, [question, kind, body]: readonly unknown[]): ClusterMessage | null {
  if (typeof question !== "number" || typeof kind !== "string") return null;
  return { type: "question", from, question, kind, body };
}

function decodeAnswer(
  from: string,
  [question, isLast, isFailed, hasPart, part]: readonly unknown[],
): ClusterMessage | null {
  if (typeof question !== "number") return null;
  return {
    type: "answer",
    from,
    question,
    isLast: isLast === true,
    isFailed: isFailed === true,
    hasPart: hasPart === true,
    part,
  };
}
