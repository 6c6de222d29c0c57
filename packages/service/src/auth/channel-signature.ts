import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import type { App, AppSettings, ChannelProof, UserProof } from "@carillon/core";
import { channelStringToSign, splitChannelToken, userStringToSign } from "@carillon/protocol";

/** What a channel token is made for. */
export interface ChannelToSign {
  readonly connectionId: string;
  readonly channel: string;
  /** What the application vouches for besides, exactly as the client will send it. */
  readonly data?: string;
}

/** SHA-256 in hexadecimal. Both cases name the same bytes. */
const SIGNATURE = /^[0-9a-f]{64}$/i;
const SIGNATURE_CHARACTERS = 64;

// Reused from call to call: checks are synchronous, so there is never more than one at a time.
const given = Buffer.alloc(SIGNATURE_CHARACTERS);
const expected = Buffer.alloc(SIGNATURE_CHARACTERS);

const keys = new WeakMap<AppSettings, readonly KeyObject[]>();

/** Makes a channel token, `APP_KEY:SIGNATURE`, with the app's newest secret. */
export function signChannel(app: App, { connectionId, channel, data }: ChannelToSign): string {
  return sign(app, channelStringToSign(connectionId, channel, data));
}

/** Makes a user token, `APP_KEY:SIGNATURE`, with the app's newest secret. */
export function signUser(app: App, { connectionId, data }: Pick<UserProof, "connectionId" | "data">): string {
  return sign(app, userStringToSign(connectionId, data));
}

function sign(app: App, text: string): string {
  const [secret] = app.settings.secrets;
  if (secret === undefined) throw new RangeError("the app has no secret");
  return `${app.settings.key}:${createHmac("sha256", secret).update(text).digest("hex")}`;
}

/**
 * True when a channel token is the app's own, for exactly this connection, channel and data. Every secret in force is tried,
 * also after one fitted, and signatures are compared in constant time.
 */
export function isChannelTokenValid(app: App, { connectionId, channel, token, data }: ChannelProof): boolean {
  return isSigned(app, token, channelStringToSign(connectionId, channel, data));
}

/** True when a user token is the app's own, for exactly this connection and data; checked in the same way. */
export function isUserTokenValid(app: App, { connectionId, token, data }: UserProof): boolean {
  return isSigned(app, token, userStringToSign(connectionId, data));
}

function isSigned(app: App, token: string, signed: string): boolean {
  const parts = splitChannelToken(token);
  // Neither the app's key nor the form of a signature is secret, so these two may answer at once.
  if (parts === null || parts.key !== app.settings.key || !SIGNATURE.test(parts.signature)) return false;
  given.write(parts.signature.toLowerCase(), "latin1");
  let isValid = false;
  for (const key of keysOf(app.settings)) {
    expected.write(createHmac("sha256", key).update(signed).digest("hex"), "latin1");
    isValid = timingSafeEqual(given, expected) || isValid;
  }
  return isValid;
}

/** Secrets as keys, which saves OpenSSL a copy for each signature. */
function keysOf(settings: AppSettings): readonly KeyObject[] {
  let found = keys.get(settings);
  if (found === undefined) {
    found = settings.secrets.map((secret) => createSecretKey(Buffer.from(secret)));
    keys.set(settings, found);
  }
  return found;
}
