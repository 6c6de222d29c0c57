/** A process of the cluster, as the others know it. */
export interface ClusterNode {
  /** The number in its connection ids, as text. Drawn anew at each start, so a restarted process is another node. */
  readonly id: string;
  /** True when it holds connections. */
  readonly isGateway: boolean;
  /** Connections of each app on it, as it last told; apps without any are left out. */
  readonly connectionsByApp: ReadonlyMap<string, number>;
  /** Whether it takes new connections, as it last told; null: it is of a version that doesn't tell. */
  readonly isAccepting: boolean | null;
}

/**
 * How a node went. `left`: it said goodbye, its clients are on their way to other nodes. `lost`: nothing was heard of it for
 * too long; it is dead, frozen, or cut off.
 */
export type Departure = "left" | "lost";

/** What one node answered. */
export interface ClusterAnswer {
  readonly nodeId: string;
  /** The parts of its answer, in its order. */
  readonly parts: readonly unknown[];
}

/** What the nodes answered that did so in time. */
export interface ClusterAnswers {
  readonly answers: readonly ClusterAnswer[];
  /** Gateways that are known to live and did not answer in time. Empty: the answers are the whole truth. */
  readonly missing: readonly string[];
}

/** How to ask. */
export interface AskOptions {
  /** How long to wait for the slowest, in ms. Default 500. */
  readonly timeoutMs?: number;
  /** Ask this node alone; default: all gateways, this process included when it is one. */
  readonly nodeId?: string;
  /** True: it ends, without the answers that are not here yet, when this process is cut off, or is already: they get lost then. Default false. */
  readonly endsWithLink?: boolean;
}

/**
 * Answers a question, or takes in what was told. `body` comes from another process, perhaps of another version: check its form.
 * The answer is a list of parts, each of which must fit a message (at most 32 KiB as msgpack is always safe); a
 * told message has no answer. May take its time; a rejection leaves the asker without an answer. An answer that is ready while this process is
 * cut off goes out when it is back.
 */
export type ClusterHandler = (
  from: string,
  body: unknown,
) => readonly unknown[] | Promise<readonly unknown[]> | undefined;

/**
 * The processes of the cluster: who is there, and a way to tell and ask them things. Made of heartbeats over a
 * {@link ClusterLink}. One for each process, whatever its roles.
 */
export interface Cluster {
  /** This process. */
  readonly nodeId: string;
  /** Longest message that it carries, in bytes: a question, what is told, or one part of an answer; at least 65,000. */
  readonly maxMessageBytes: number;
  /** The others that live. */
  readonly nodes: readonly ClusterNode[];
  /**
   * False while this process can't know who lives: just after the start, while the bus is away, and for a moment after it
   * came back. Nobody is held for lost then.
   */
  readonly isSettled: boolean;
  /** Resolves when {@link isSettled}, at the latest after `timeoutMs`. */
  whenSettled(timeoutMs: number): Promise<void>;
  /** Connections of an app on the other nodes, as they last told: at most a heartbeat old. */
  connectionsElsewhere(appId: string): number;
  /** The same with those of this process. */
  connectionsOf(appId: string): number;
  /** Registers who handles a kind of message; once for each kind, before `start`. */
  handle(kind: string, handler: ClusterHandler): void;
  /** Sends to one node, or to all others. At most once, without an answer. */
  tell(kind: string, body: unknown, nodeId?: string): void;
  /** Asks, and resolves when all who live have answered or the time is up. Never rejects. */
  ask(kind: string, body: unknown, options?: AskOptions): Promise<ClusterAnswers>;
  /**
   * Tells when a node is first heard, also one that was held for lost. `wasLost`: it is such a one, and may not have noticed, as after it
   * stood still. Returns the act that ends it.
   */
  onAppeared(listener: (node: ClusterNode, wasLost: boolean) => void): () => void;
  /** Tells when a node has gone. Returns the act that ends it. */
  onGone(listener: (node: ClusterNode, departure: Departure) => void): () => void;
}
