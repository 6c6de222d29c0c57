/**
 * Messages between the processes of a cluster, beside the channels: heartbeats, questions, commands.
 *
 * Who calls it: Cluster alone. It shares the fate of the process's {@link Bus}: while that is disconnected nothing is sent
 * and nothing arrives, and nothing is kept for later.
 *
 * Promises, which `describeClusterLink` of the testkit checks on every implementation:
 * - At most once. Messages of one sender reach a listener in the order in which they were sent, broadcasts and messages
 *   to it alike.
 * - A node doesn't hear its own broadcasts. What it sends to itself arrives like anything else.
 * - After `open` resolved, what others send through the same part of the bus arrives; the rest of a cluster follows within
 *   milliseconds.
 */
export interface ClusterLink {
  /** Longest message that it takes, in bytes; at least 65,536. Longer ones must be cut into several by the caller. */
  readonly maxMessageBytes: number;

  /**
   * Begins to listen as the node `nodeId`, 1 to 32 characters of `A-Z a-z 0-9 _ -`. `receive` is called synchronously for
   * each message, which is only valid during the call; it must not throw. Rejects with BusUnavailableError. Once per link.
   */
  open(nodeId: string, receive: (message: Uint8Array) => void): Promise<void>;

  /** Sends to all nodes that listen, but this one. Dropped while the bus is away. `message` may be reused once the call returned. */
  broadcast(message: Uint8Array): void;

  /** Sends to one node. Dropped when there is none of this id, or while the bus is away. */
  send(nodeId: string, message: Uint8Array): void;

  /** Ends the listening. Idempotent. */
  close(): void;
}
