/** What a block is about: a user, or one connection token by its id (`jti`). */
export const BLOCK_KINDS = ["user", "token"] as const;

/** One of {@link BLOCK_KINDS}. */
export type BlockKind = (typeof BLOCK_KINDS)[number];

/** Whom a block is about. */
export interface BlockTarget {
  readonly appId: string;
  readonly kind: BlockKind;
  /** A user id, or the `jti` of a connection token. */
  readonly id: string;
}

/** A block as it is asked for. */
export interface NewBlock extends BlockTarget {
  /** Why, for people; null: not told. */
  readonly reason: string | null;
  /** When it ends by itself, in ms since 1970. */
  readonly expiresAtMs: number;
}

/** A block in force. */
export interface Block extends NewBlock {
  /** Rises with each change of the store; of two blocks of one target the one with the higher revision counts. */
  readonly revision: number;
}

/** Which blocks of an app to list. */
export interface BlockQuery {
  /** Go on behind this place, which an earlier page gave as `next`; "" begins at the first. */
  readonly after: string;
  /** Most blocks in the answer, at least 1. */
  readonly limit: number;
}

/** Blocks in the order of kind and id. */
export interface BlockPage {
  readonly blocks: readonly Block[];
  /** Where the next page begins; null when this was the last. */
  readonly next: string | null;
}

/**
 * How far the list in this process can be trusted.
 * - `loading`: it has never been loaded. Nobody knows who is blocked.
 * - `current`: it is followed.
 * - `stale`: it was loaded, and can't be followed at the moment: newer changes may be missing.
 * - `absent`: the backbone has nothing to store blocks in, so there are none. It is looked for again and again.
 */
export type BlockStoreStatus = "loading" | "current" | "stale" | "absent";

/**
 * Who is kept out, over all processes of the cluster. Every process holds the whole list, so looking somebody up is a look
 * into a map, never a question to anybody. `describeBlockStore` of the testkit checks every implementation.
 *
 * Who calls it: gateways look up and hear of new blocks; publishers put, remove and list.
 *
 * Promises:
 * - A block that was put is in force in every process that is `current`, within moments, until it expires, is removed, or is
 *   replaced by a newer one of the same target. Whether it outlives a restart is up to the implementation.
 * - Nothing that has expired is ever found or listed, to the clock of the process that looks.
 * - What was known when the backbone went away stays in force. When it is back, the list is loaded anew.
 */
export interface BlockStore {
  readonly status: BlockStoreStatus;

  /** Blocks known here, of all apps; some that have expired in the last seconds may be among them. */
  readonly size: number;

  /** Begins to load the list and to follow it; what goes wrong shows in {@link status}. Idempotent. */
  follow(): void;

  /** Resolves when the status is no longer `loading`, at the latest after `timeoutMs`. Never rejects. */
  whenLoaded(timeoutMs: number): Promise<void>;

  /** The block of a target that is in force; null when there is none. The same object until it is replaced. Synchronous. */
  find(target: BlockTarget): Block | null;

  /** Blocks of an app that are in force, as known here. */
  countOf(appId: string): number;

  /** A page of an app's blocks, as known here: call {@link refresh} before, where it must be the newest. */
  page(appId: string, query: BlockQuery): BlockPage;

  /**
   * Stores a block, in place of an earlier one of the same target. Resolves when it is kept. Rejects with
   * BlocksUnavailableError when that can't be known (it may have been kept; a repeat is safe), and with
   * BlockStoreFullError when there is no room.
   */
  put(block: NewBlock): Promise<Block>;

  /**
   * Ends a block. Resolves, when that is kept, with the revision of the change; with null when there was none. Rejects with
   * BlocksUnavailableError.
   */
  remove(target: BlockTarget): Promise<number | null>;

  /**
   * Resolves when everything that was put or removed before the call, by whichever process, is known here. Rejects with
   * BlocksUnavailableError.
   */
  refresh(): Promise<void>;

  /**
   * Calls `listener` with blocks that have just become known here: synchronously, when `find` tells them already. Several at a
   * time after a load. Returns the act that ends it.
   */
  onBlocked(listener: (blocks: readonly Block[]) => void): () => void;
}

/** The store of blocks could not answer in time. Retrying later is right. Carries `blocks_unavailable` to callers. */
export class BlocksUnavailableError extends Error {
  readonly code = "blocks_unavailable";
  override readonly name = "BlocksUnavailableError";
}

/** The store of blocks has no room for more. Carries `block_limit` to callers. */
export class BlockStoreFullError extends Error {
  readonly code = "block_limit";
  override readonly name = "BlockStoreFullError";
}
