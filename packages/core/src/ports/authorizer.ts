import type { Result } from "@carillon/protocol";
import type { App, ConnectionGrant } from "./apps.ts";

/** What a client shows to get into a guarded channel. */
export interface ChannelProof {
  readonly connectionId: string;
  readonly channel: string;
  /** `APP_KEY:SIGNATURE`, as the application's auth endpoint answered. */
  readonly token: string;
  /** What was signed besides the channel; undefined when nothing was. Checked as the exact text that was sent. */
  readonly data: string | undefined;
}

/** What a client shows to say whose connection it is. */
export interface UserProof {
  readonly connectionId: string;
  /** `APP_KEY:SIGNATURE`, as the application's auth endpoint answered. */
  readonly token: string;
  /** Who the user is, as the application vouches for it. Checked as the exact text that was sent. */
  readonly data: string;
}

/** Checks proofs. Comparisons take the same time whatever is wrong. Stateless; any number of calls at once. */
export interface Authorizer {
  /** Checks a channel token against every secret in force. Synchronous: a subscribe storm must not wait on promises. */
  verifyChannelToken(app: App, proof: ChannelProof): boolean;
  /** Checks a user token in the same way. */
  verifyUserToken(app: App, proof: UserProof): boolean;
  /**
   * Checks a connection token. Refuses with `token_invalid` or `token_expired` and a sentence that says what is wrong with
   * it, or with `token_unverifiable` when that can't be known now. May fetch keys (JWKS), so it can take a while; it never
   * rejects.
   */
  verifyConnectionToken(app: App, token: string): Promise<Result<ConnectionGrant>>;
}
