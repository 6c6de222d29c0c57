import type { Result } from "@carillon/protocol";
import type { Batch, HttpTransportName } from "./batch.ts";

/** A call about a session that exists. */
export interface SessionCall {
  readonly sessionId: string;
  /** The Origin header, "" for none. */
  readonly origin: string;
}

/** Fetches the frames of a session. */
export interface PollCall extends SessionCall {
  /** Number of the last frame that the client has. */
  readonly after: number;
  /** How long to wait for the first one, in ms. */
  readonly waitMs: number;
  /** By what {@link Sessions.abandon} ends it; unique. */
  readonly ticket: string;
  readonly transport: HttpTransportName;
}

/** Brings commands to a session. */
export interface SendCall extends SessionCall {
  /** One command, an array of them, or nothing. */
  readonly body: Uint8Array;
  /** Number of the call; null: it is not to be told from repeats. */
  readonly seq: number | null;
  /** True: the client goes, once the commands are done. */
  readonly isLast: boolean;
}

/** Sessions over HTTP, on this gateway or on another one. Refusals are the answer's: a `session_gone` is final. */
export interface Sessions {
  poll(call: PollCall): Promise<Result<Batch>>;
  send(call: SendCall): Promise<Result<void>>;
  /** Nobody waits for this poll any more. */
  abandon(sessionId: string, ticket: string): void;
}
