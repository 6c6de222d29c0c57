import type { Authorizer, Clock } from "@carillon/core";
import { isChannelTokenValid, isUserTokenValid } from "./channel-signature.ts";
import { ConnectionTokens } from "./connection-token.ts";
import { type KeySetFetch, KeySets } from "./key-sets.ts";

/** What {@link createAuthorizer} needs. */
export interface AuthorizerOptions {
  readonly clock: Clock;
  /** How key sets are fetched. Default: the platform's `fetch`. */
  readonly fetch?: KeySetFetch;
  /**
   * How soon a key set may be fetched again because a token names an unknown key id. Default 10 s: a rotated key works
   * within that, and forged key ids can't cause more fetches.
   */
  readonly keySetCooldownMs?: number;
}

const KEY_SET_COOLDOWN_MS = 10_000;

/** The authorizer of a gateway. It holds no timers and needs no closing. */
export function createAuthorizer({ clock, fetch, keySetCooldownMs }: AuthorizerOptions): Authorizer {
  const keySets = new KeySets({
    clock,
    fetch: fetch ?? ((url, options) => globalThis.fetch(url, options)),
    cooldownMs: keySetCooldownMs ?? KEY_SET_COOLDOWN_MS,
  });
  const tokens = new ConnectionTokens({ clock, keySets });
  return {
    verifyChannelToken: isChannelTokenValid,
    verifyUserToken: isUserTokenValid,
    verifyConnectionToken: (app, token) => tokens.verify(app, token),
  };
}
