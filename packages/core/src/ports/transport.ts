/** What became of a write. */
export type WriteResult =
  /** Handed to the operating system. */
  | "sent"
  /** Waiting in this connection's buffer. */
  | "queued"
  /** Over the buffer's bound: not taken, and the connection is being closed as a slow consumer. */
  | "dropped"
  /** The connection is gone. */
  | "closed";

/**
 * One connection's way out. Implemented by the WebSocket wrapper, and by connections whose frames are fetched over HTTP.
 *
 * Every method may be called at any time, also after the connection has closed: it then does nothing (and `write` says
 * `closed`). None of them throws. Writes and deliveries on topics reach the client in the order of the calls.
 */
export interface Transport {
  readonly isOpen: boolean;
  /** Bytes that were written and that the operating system has not taken yet. */
  readonly bufferedBytes: number;
  /**
   * The client's address as the node sees it, or as its proxy told it where that is trusted. It may be "" once the connection
   * has closed: an address costs more than keeping it is worth where nobody asks.
   */
  readonly remoteAddress: string;
  /** The other end of the TCP connection: the client, or the proxy that stands before the node. "" where each call has one of its own, and perhaps once it has closed. */
  readonly peerAddress: string;
  /** Writes one frame. */
  write(frame: string | Uint8Array, isBinary: boolean): WriteResult;
  /**
   * Writes frames one behind the other, in as few system calls as it can; ends at the first that isn't taken. Bytes must stay as
   * they are for good: many connections may be given the same, and one that can't write at once keeps them without a copy.
   */
  writeAll(frames: readonly (string | Uint8Array)[], isBinary: boolean): void;
  /** From now on the client gets what is published on `topic` of this node's {@link TopicTree}. Idempotent. */
  joinTopic(topic: string): void;
  /** Ends it; what was published before is still delivered. Idempotent. */
  leaveTopic(topic: string): void;
  /** Publishes on `topic` to everybody on this node but this connection. */
  publishToOthers(topic: string, frame: Uint8Array, isBinary: boolean): void;
  /** Sends a close frame with a code of the registry and ends the connection once it is out. */
  close(code: number, reason: string): void;
  /** Cuts the connection without a word. */
  terminate(): void;
}

/** A node's fan-out: a publish reaches every connection that joined the topic; every WebSocket among them by one native call. */
export interface TopicTree {
  /** `frame` may be reused once the call returned. No effect, at nearly no cost, when nobody joined `topic`. */
  publish(topic: string, frame: Uint8Array, isBinary: boolean): void;
}
