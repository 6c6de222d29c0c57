import type { WebhookLane } from "@carillon/core";

/**
 * How apps and channels become NATS subjects: `<prefix>.<kind>.<app>.<partition>.<channel>`.
 *
 * Names are always escaped. The NATS client does not check subjects: a name with CR LF in it would write commands of its own
 * into the connection, and one with a blank would silently become a queue group; either takes a whole node off the bus.
 */

/**
 * What a subject is for: `pub` = delivery to nodes with interest; `once` = ingest with an idempotency key, `hist` = ingest into
 * history (both JetStream, which passes on to `pub`).
 */
export type SubjectKind = "pub" | "once" | "hist";

/** What a subject of webhook events is for: `hook` = to be delivered, `dead` = given up (both JetStream). */
export type HookKind = "hook" | "dead";

/** Subjects that are no channel's: `block` = ingest of blocks (JetStream), `blocked` = signs that there is a new one. */
export type BlockSubjectKind = "block" | "blocked";

/** The app and the channel that a subject stands for. */
export interface SubjectNames {
  readonly kind: string;
  readonly appId: string;
  readonly channel: string;
}

/** Partitions that channels fall into. Part of every subject: another number would cut old and new nodes off each other. */
export const PARTITIONS = 256;

/**
 * Longest subject, in bytes. nats-server reads control lines of up to 4,096 bytes (`max_control_line`), which also hold the
 * verb, a reply subject and lengths, and cuts the connection that sends a longer one. A channel name of 200 characters
 * takes 1,800 bytes at the very most.
 */
export const MAX_SUBJECT_BYTES = 3_800;

const PLAIN = /^[A-Za-z0-9_-]+$/;
const WIRE_SAFE = /^[\x21-\x7e]+$/;
const PREFIX = /^[A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9_-]{1,64}){0,3}$/;
// An empty token is not allowed in a subject. A lone escape character can't come out of the escaping otherwise.
const EMPTY = "=";

/** True when `prefix` can begin subjects: 1 to 4 tokens out of A-Z a-z 0-9 _ -, with dots between. */
export function isSubjectPrefix(prefix: string): boolean {
  return PREFIX.test(prefix);
}

/**
 * Escapes a name into one token of a subject: `A-Z a-z 0-9 _ -` stay, every other UTF-8 byte becomes `=XX` (upper-case
 * hexadecimal), the empty name becomes `=`. Different names give different tokens, also with halves of surrogate pairs,
 * which are written as if they were characters.
 */
export function escapeToken(name: string): string {
  if (PLAIN.test(name)) return name;
  if (name === "") return EMPTY;
  let token = "";
  for (const character of name) {
    token += PLAIN.test(character) ? character : escapeCodePoint(character.codePointAt(0) as number);
  }
  return token;
}

function escapeCodePoint(code: number): string {
  if (code < 0x80) return hex(code);
  if (code < 0x800) return hex(0xc0 | (code >> 6)) + continuation(code);
  if (code < 0x10000) return hex(0xe0 | (code >> 12)) + continuation(code >> 6) + continuation(code);
  return hex(0xf0 | (code >> 18)) + continuation(code >> 12) + continuation(code >> 6) + continuation(code);
}

function continuation(bits: number): string {
  return hex(0x80 | (bits & 0x3f));
}

function hex(byte: number): string {
  return `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** Takes {@link escapeToken} back. Null for a token that it can't have made. */
export function unescapeToken(token: string): string | null {
  if (PLAIN.test(token)) return token;
  if (token === EMPTY) return "";
  const bytes: number[] = [];
  for (let at = 0; at < token.length; at++) {
    if (token[at] !== "=") {
      bytes.push(token.charCodeAt(at));
      continue;
    }
    bytes.push(Number.parseInt(token.slice(at + 1, at + 3), 16));
    at += 2;
  }
  const name = fromGeneralizedUtf8(bytes);
  // One check for everything: lower-case or broken escapes, needless ones, over-long forms, foreign characters.
  return escapeToken(name) === token ? name : null;
}

function fromGeneralizedUtf8(bytes: readonly number[]): string {
  let name = "";
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] as number;
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    let code = length === 1 ? lead : lead & (0xff >> (length + 1));
    for (let index = 1; index < length; index++) code = (code << 6) | ((bytes[at + index] ?? 0) & 0x3f);
    name += Number.isNaN(lead) || code > 0x10ffff ? "\ufffd" : String.fromCodePoint(code);
    at += length;
  }
  return name;
}

/**
 * The partition of a channel, as two lower-case hexadecimal digits: FNV-1a (32 bits) over `<app token>/<channel token>`,
 * its four bytes combined by exclusive or. Every version of Carillon must agree on it.
 */
export function partitionOf(appToken: string, channelToken: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < appToken.length; at++) hash = Math.imul(hash ^ appToken.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ 0x2f, 0x01000193);
  for (let at = 0; at < channelToken.length; at++) hash = Math.imul(hash ^ channelToken.charCodeAt(at), 0x01000193);
  const folded = (hash ^ (hash >>> 8) ^ (hash >>> 16) ^ (hash >>> 24)) & 0xff;
  return PARTITION_TEXTS[folded] as string;
}

const PARTITION_TEXTS = Array.from({ length: PARTITIONS }, (_, index) => index.toString(16).padStart(2, "0"));

/** The subjects of one deployment: everything that begins with its prefix. */
export class SubjectSpace {
  readonly #prefix: string;

  /** Throws a TypeError when `prefix` is not one that {@link isSubjectPrefix} allows. */
  constructor(prefix: string) {
    if (!isSubjectPrefix(prefix)) {
      throw new TypeError(
        "the NATS prefix has 1 to 4 parts out of A-Z a-z 0-9 _ - with dots between, such as carillon",
      );
    }
    this.#prefix = prefix;
  }

  /** The subject of a channel. Throws a RangeError when the names are so long that NATS would cut the connection. */
  of(kind: SubjectKind, appId: string, channel: string): string {
    const appToken = escapeToken(appId);
    const channelToken = escapeToken(channel);
    const partition = partitionOf(appToken, channelToken);
    return checkedSubject(`${this.#prefix}.${kind}.${appToken}.${partition}.${channelToken}`);
  }

  /** What to subscribe to for all channels of one partition, of all apps. `partition` as {@link partitionOf} gives it. */
  ofPartition(kind: SubjectKind, partition: string): string {
    return checkedSubject(`${this.#prefix}.${kind}.*.${partition}.*`);
  }

  /** True for what {@link ofPartition} gives. */
  isWildcard(subject: string): boolean {
    return subject.startsWith(`${this.#prefix}.`) && subject.endsWith(".*");
  }

  /** The subject of the marker in a stream of history. Has a token less than a channel's, so no channel can have it. */
  ofMarker(stream: number): string {
    return `${this.#prefix}.hist.epoch.${stream}`;
  }

  /** The subject of a block, or of its end. */
  ofBlock(appId: string, kind: string, id: string): string {
    return checkedSubject(`${this.#prefix}.block.${escapeToken(appId)}.${escapeToken(kind)}.${escapeToken(id)}`);
  }

  /** Where the processes of a cluster hear each other: one of them, or all (null). */
  ofCluster(nodeId: string | null): string {
    return checkedSubject(`${this.#prefix}.ctl.${nodeId === null ? "all" : `node.${escapeToken(nodeId)}`}`);
  }

  /** Where operators ask gateways to send those elsewhere who came through a proxy. */
  ofProxyDrains(): string {
    return `${this.#prefix}.drain`;
  }

  /** The subject of a lane of webhook events. Ids of endpoints are made by Carillon, of characters that need no escaping. */
  ofLane(kind: HookKind, { appId, endpointId, lane }: WebhookLane): string {
    return checkedSubject(`${this.#prefix}.${kind}.${escapeToken(appId)}.${escapeToken(endpointId)}.${lane}`);
  }

  /** What matches every subject of a kind that is of one app. */
  ofApp(kind: SubjectKind | HookKind, appId: string): string {
    return checkedSubject(`${this.#prefix}.${kind}.${escapeToken(appId)}.>`);
  }

  /** What matches every subject of a kind. */
  all(kind: SubjectKind | HookKind | BlockSubjectKind): string {
    return `${this.#prefix}.${kind}.>`;
  }

  /** The name of a JetStream stream of this deployment: `CARILLON_ONCE` for the suffix `ONCE` and the prefix `carillon`. */
  streamName(suffix: string): string {
    return `${this.#prefix.toUpperCase().replaceAll(".", "_")}_${suffix}`;
  }

  /** The names behind a subject; null when it isn't the subject of a channel in this space. */
  parse(subject: string): SubjectNames | null {
    if (!subject.startsWith(`${this.#prefix}.`)) return null;
    const [kind, appToken, partition, channelToken, rest] = subject.slice(this.#prefix.length + 1).split(".");
    if (kind === undefined || appToken === undefined || channelToken === undefined || rest !== undefined) return null;
    const appId = unescapeToken(appToken);
    const channel = unescapeToken(channelToken);
    if (appId === null || channel === null || partition !== partitionOf(appToken, channelToken)) return null;
    return { kind, appId, channel };
  }
}

/**
 * Returns `subject` when it is safe to hand to the NATS client; throws a RangeError when it isn't. Escaped names always are,
 * unless they are too long: this is the last check before the wire, and the only door to it.
 */
export function checkedSubject(subject: string): string {
  if (subject.length > MAX_SUBJECT_BYTES) {
    throw new RangeError(
      `the names of the app and the channel take ${subject.length} bytes on the bus, which allows ${MAX_SUBJECT_BYTES}: use shorter names`,
    );
  }
  if (!WIRE_SAFE.test(subject) || subject.startsWith(".") || subject.endsWith(".") || subject.includes("..")) {
    throw new RangeError("a NATS subject has printable ASCII characters and no empty token");
  }
  return subject;
}
