import type { BackoffOptions } from "./backoff.ts";
import type { ChannelAuthorizer, ConnectionTokenSource } from "./options.ts";
import type { Transport } from "./transport.ts";

/** The options of a client, checked and complete. */
export interface Settings {
  readonly url: string;
  readonly transports: readonly Transport[];
  readonly authorize: ChannelAuthorizer | null;
  readonly getToken: ConnectionTokenSource | null;
  readonly backoff: BackoffOptions;
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
  readonly pingAfterMs: number;
  readonly pongTimeoutMs: number;
  readonly maxQueued: number;
}
