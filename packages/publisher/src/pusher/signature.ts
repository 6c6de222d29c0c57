import { createHmac, timingSafeEqual } from "node:crypto";
import { accept, type Refusal, type Result, refuse } from "@carillon/protocol";

/** How far a call's `auth_timestamp` may be from this machine's clock, in seconds, either way: Pusher's own window. */
export const TIMESTAMP_WINDOW_SECONDS = 600;

/** A call, as far as its signature covers it. The body is covered by `body_md5` in the query. */
export interface SignedCall {
  /** In upper case. */
  readonly method: string;
  /** As it came, percent-encoded or not. */
  readonly path: string;
  /** As it came, without the `?`. */
  readonly query: string;
}

/** Who may sign, and when. */
export interface SignatureRules {
  /** What `auth_key` must say. */
  readonly key: string;
  /** Any of them may have signed. */
  readonly secrets: readonly string[];
  readonly nowSeconds: number;
}

/** A query's parameters by name; names in lower case, values decoded. */
export type Parameters = ReadonlyMap<string, string>;

type Pairs = readonly (readonly [name: string, value: string])[];

const SIGNATURE = "auth_signature";
const HEX_SHA256 = /^[0-9a-f]{64}$/;
const UNIX_SECONDS = /^\d{1,12}$/;
const MAX_SHOWN_LENGTH = 1000;

/**
 * Checks the signature of a call to Pusher's HTTP API, in constant time, and answers its parameters as they were signed.
 * Refuses with `unauthorized`, saying what was expected; the secret is in no message.
 *
 * Clients differ in what they sign: the path as they send it or decoded; values decoded by the rules of forms (`+` is a
 * blank), by those of URLs, or not encoded in the first place. Whatever is the same for all clients is tried once.
 */
export function verifySignature(call: SignedCall, rules: SignatureRules): Result<Parameters> {
  const readings = readingsOf(call.query);
  const [plain = []] = readings;
  const parameters = new Map(plain);
  if (parameters.size < plain.length) return refuse("invalid_field", "the query has a parameter more than once");
  const refusal = checkParameters(parameters, rules);
  if (refusal !== null) return refusal;
  const given = Buffer.from(parameters.get(SIGNATURE) ?? "");
  const tried = new Set<string>();
  for (const path of pathsOf(call.path)) {
    for (const pairs of readings) {
      const text = stringToSign(call.method, path, pairs);
      if (tried.has(text)) continue;
      tried.add(text);
      if (rules.secrets.some((secret) => isSignedBy(secret, text, given))) return accept(new Map(pairs));
    }
  }
  const [expected = ""] = tried;
  const shown = expected.length > MAX_SHOWN_LENGTH ? `${expected.slice(0, MAX_SHOWN_LENGTH)}…` : expected;
  const advice = "check the secret, and that nothing between you and here rewrites the path or the query";
  return refuse("unauthorized", `auth_signature is not the HMAC-SHA256 of ${JSON.stringify(shown)}: ${advice}`);
}

/** The text that is signed: all parameters but the signature itself, by name. */
export function stringToSign(method: string, path: string, parameters: Pairs): string {
  const signed = parameters.filter(([name]) => name !== SIGNATURE);
  const sorted = [...signed].sort(([left], [right]) => (left < right ? -1 : 1));
  return `${method}\n${path}\n${sorted.map(([name, value]) => `${name}=${value}`).join("&")}`;
}

function checkParameters(parameters: Parameters, { key, nowSeconds }: SignatureRules): Refusal | null {
  for (const name of ["auth_key", "auth_timestamp", "auth_version", SIGNATURE]) {
    if (!parameters.has(name)) return wrong(`${name} is missing in the query: calls to this API are signed`);
  }
  if (parameters.get("auth_key") !== key) return wrong("auth_key is not the key of the app whose id the path has");
  if (parameters.get("auth_version") !== "1.0") return wrong("auth_version must be 1.0");
  if (!HEX_SHA256.test(parameters.get(SIGNATURE) ?? "")) return wrong(`${SIGNATURE} must be 64 characters of 0-9 a-f`);
  const timestamp = parameters.get("auth_timestamp") ?? "";
  if (!UNIX_SECONDS.test(timestamp)) return wrong("auth_timestamp must be the seconds since 1970");
  const offSeconds = Math.round(Math.abs(nowSeconds - Number(timestamp)));
  if (offSeconds <= TIMESTAMP_WINDOW_SECONDS) return null;
  const found = `auth_timestamp is ${offSeconds} s off this server's clock, which is at ${Math.round(nowSeconds)}`;
  return wrong(`${found}: ${TIMESTAMP_WINDOW_SECONDS} s are allowed, so set the clock, and sign each call anew`);
}

function isSignedBy(secret: string, text: string, given: Buffer): boolean {
  const expected = createHmac("sha256", secret).update(text).digest("hex");
  return timingSafeEqual(Buffer.from(expected), given);
}

/** The query's parameters in each way in which a client may have signed them, the most common one first. */
function readingsOf(query: string): readonly Pairs[] {
  const raw = query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair): readonly [string, string] => {
      const equals = pair.indexOf("=");
      return equals === -1 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
    });
  const read = (decode: (text: string) => string): Pairs =>
    raw.map(([name, value]) => [decode(name).toLowerCase(), decode(value)]);
  return [read((text) => decoded(text.replaceAll("+", " "))), read(decoded), read((text) => text)];
}

function pathsOf(path: string): readonly string[] {
  return [path, decoded(path)];
}

/** Without percent-encoding; the text itself when it has none that holds. */
function decoded(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    // Then it can only have been signed as it is.
    return text;
  }
}

function wrong(message: string): Refusal {
  return refuse("unauthorized", message);
}
