import type { TransportName } from "./transport.ts";

/** Why there is no connection. */
export interface DisconnectReason {
  /**
   * For programs: the name of a close code (docs/errors.md), `connection_lost`, `timeout`, `auth_failed`, `no_transport`
   * or `closed`.
   */
  readonly code: string;
  /** The close code; absent where the connection ended in another way. */
  readonly closeCode?: number;
  /** For people. */
  readonly message: string;
}

/**
 * Where the client stands. From `closed` it comes back only by `connect()`; its `reason` is `closed` when the application ended
 * it, else what the server will not take unchanged, such as an unknown key.
 */
export type ConnectionState =
  | { readonly status: "idle" }
  /** `attempt`: 0 for the first after a connection. */
  | { readonly status: "connecting"; readonly attempt: number }
  | { readonly status: "connected"; readonly connectionId: string; readonly transport: TransportName }
  /** The next attempt is at `retryAtMs`, in ms since 1970, or when the browser is online again. */
  | {
      readonly status: "waiting";
      readonly attempt: number;
      readonly retryAtMs: number;
      readonly reason: DisconnectReason;
    }
  | { readonly status: "closed"; readonly reason: DisconnectReason };
