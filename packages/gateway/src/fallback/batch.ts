import type { NumberedFrame } from "./outbox.ts";

/** How a connection ended, as its client is told. */
export interface Closing {
  /** A close code of the registry, or 1000 and 1006 as of a WebSocket. */
  readonly code: number;
  readonly reason: string;
}

/** What one fetch brings. */
export interface Batch {
  readonly frames: readonly NumberedFrame[];
  /** Number of the last frame that the client has with this. */
  readonly next: number;
  /** Behind the frames the connection has ended. */
  readonly closing: Closing | null;
  /** True: another fetch has taken the place of this one. */
  readonly isReplaced: boolean;
}

/** Which way a client fetches its frames, as metrics name it. */
export type HttpTransportName = "sse" | "poll";
