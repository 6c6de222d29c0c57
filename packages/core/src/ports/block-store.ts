/** Who is kept out. `user` is the `sub` of connection tokens and the user id of presence members, `token` the `jti` of one token. */
export interface Block {
  readonly appId: string;
  readonly kind: "user" | "token";
  /** The user id or the `jti`, 1 to 128 characters. */
  readonly subject: string;
  /** When it ends, in milliseconds since 1970. */
  readonly untilMs: number;
  /** What the operator noted, at most 200 characters; "" for nothing. Never shown to clients. */
  readonly note: string;
}

/** Which block is meant: there is at most one for each of these. */
export type BlockKey = Pick<Block, "appId" | "kind" | "subject">;

/**
 * The block list: one for the whole cluster, which survives restarts of all processes (in one process without NATS it lives
 * as long as that process). `describeBlockStore` of the testkit checks every implementation.
 *
 * Promises:
 * - What was put is in the watch of every process within moments, and of one that starts later.
 * - A later put of the same key replaces the earlier one. Expired blocks are not reported, and are removed in time.
 * - While the store is away the list as it was last known goes on to hold.
 */
export interface BlockStore {
  /** Adds or replaces. Resolves when it is kept. Rejects with BlocksUnavailableError. */
  put(block: Block): Promise<void>;
  /** Removes; resolves also when there was none. Rejects with BlocksUnavailableError. */
  remove(key: BlockKey): Promise<void>;
  /** The blocks in force as this process knows them, of one app. */
  list(appId: string): readonly Block[];
  /** The block in force for this key; undefined when there is none. Synchronous, one look-up: asked at each authentication. */
  find(key: BlockKey): Block | undefined;
  /** Tells each block that comes into force from now on, also those that were there when the process began. Returns the act that ends it. */
  onBlock(listener: (block: Block) => void): () => void;
  /** Whether the list is known and can be changed now, as far as is known. */
  readonly isAvailable: boolean;
}

/** The block list could not be changed in time. Retrying later is right. Carries `blocks_unavailable` to callers. */
export class BlocksUnavailableError extends Error {
  readonly code = "blocks_unavailable";
  override readonly name = "BlocksUnavailableError";
}
