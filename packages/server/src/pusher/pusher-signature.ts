import { hmacSha256Hex, md5Hex } from "../hashes.ts";
import { invalid } from "../ids.ts";
import type { Settings } from "../options.ts";

/** Parameters of a query besides those of the signature. */
export type PusherParameters = Readonly<Record<string, string | number | boolean>>;

/** What a signature covers. */
export interface PusherRequestToSign {
  readonly method: string;
  /** The whole path, with the app in it. */
  readonly path: string;
  readonly params?: PusherParameters | undefined;
  readonly body?: string | undefined;
}

const RESERVED: readonly string[] = ["auth_key", "auth_timestamp", "auth_version", "auth_signature", "body_md5"];

/**
 * The query of a call to Pusher's HTTP API, signed: parameters by name, and the signature last. Values stand in it
 * percent-encoded, and are signed as they are.
 */
export function signedQuery({ key, secret }: Pick<Settings, "key" | "secret">, request: PusherRequestToSign): string {
  const { method, path, params = {}, body } = request;
  const reserved = Object.keys(params).find((name) => RESERVED.includes(name.toLowerCase()));
  if (reserved !== undefined) invalid(`the parameter "${reserved}" belongs to the signature: leave it out`);
  const all: Readonly<Record<string, string | number | boolean>> = {
    auth_key: key,
    auth_timestamp: Math.floor(Date.now() / 1000),
    auth_version: "1.0",
    ...(body === undefined ? {} : { body_md5: md5Hex(body) }),
    ...params,
  };
  const pairs = Object.entries(all).sort(([left], [right]) => (left < right ? -1 : 1));
  const signed = pairs.map(([name, value]) => `${name.toLowerCase()}=${value}`).join("&");
  const query = pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&");
  return `${query}&auth_signature=${hmacSha256Hex(secret, `${method.toUpperCase()}\n${path}\n${signed}`)}`;
}
