import type { RecoveryReason } from "@carillon/protocol";
import type { CarillonError } from "./errors.ts";

/** Where a channel stands. */
export type ChannelState =
  /** Nobody wants it. */
  | { readonly status: "detached" }
  /** Wanted; there is no connection, or the server has not said yes yet. */
  | { readonly status: "subscribing" }
  | { readonly status: "subscribed" }
  /**
   * The server will not have it unchanged: subscribe again when the cause is mended. Where it is the connection that it will not have,
   * `connect()` is enough.
   */
  | { readonly status: "failed"; readonly error: CarillonError };

/** Why events of a channel may be missing. */
export interface Gap {
  /**
   * A reason of the server (docs/protocol/native.md N50); `no_history`: the channel keeps none, and the connection was away for a
   * while; `lost`: the server itself could not get some.
   */
  readonly reason: RecoveryReason | "lost";
}

/** An event, beside its payload. */
export interface EventMeta {
  readonly channel: string;
  readonly event: string;
  /** Its place in the channel's history; absent on channels without one. */
  readonly position?: string;
}

/** What a channel tells about itself. */
export interface ChannelLifecycle {
  state: ChannelState;
  /** It is live, first or again. `wasRecovered`: nothing was missed meanwhile, and what came meanwhile follows. */
  subscribed: { readonly wasRecovered: boolean };
  /** Events may have been missed: get the current state from the application. */
  gap: Gap;
  /** A subscribe was refused, or could not be authorized; one that is retryable is tried again. */
  error: CarillonError;
}
