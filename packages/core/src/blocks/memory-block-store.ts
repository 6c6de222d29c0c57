import type {
  Block,
  BlockPage,
  BlockQuery,
  BlockStore,
  BlockStoreStatus,
  BlockTarget,
  NewBlock,
} from "../ports/block-store.ts";
import { BlockStoreFullError } from "../ports/block-store.ts";
import type { Clock } from "../ports/clock.ts";
import { BlockList } from "./block-list.ts";

/** What a MemoryBlockStore stands on. */
export interface MemoryBlockStoreOptions {
  readonly clock: Clock;
  /** Most blocks of all apps together. Default 100,000. */
  readonly maxBlocks?: number;
}

const DEFAULT_MAX_BLOCKS = 100_000;

/** The {@link BlockStore} of one process, for all who share it. It forgets everything when the process ends. */
export class MemoryBlockStore implements BlockStore {
  readonly status: BlockStoreStatus = "current";
  readonly #list: BlockList;
  readonly #maxBlocks: number;
  readonly #listeners = new Set<(blocks: readonly Block[]) => void>();
  #revision = 0;

  constructor({ clock, maxBlocks = DEFAULT_MAX_BLOCKS }: MemoryBlockStoreOptions) {
    this.#list = new BlockList(() => clock.now());
    this.#maxBlocks = maxBlocks;
  }

  get size(): number {
    return this.#list.size;
  }

  follow(): void {
    // All who share it see the same list.
  }

  whenLoaded(): Promise<void> {
    return Promise.resolve();
  }

  find(target: BlockTarget): Block | null {
    return this.#list.find(target);
  }

  countOf(appId: string): number {
    return this.#list.countOf(appId);
  }

  page(appId: string, query: BlockQuery): BlockPage {
    return this.#list.page(appId, query);
  }

  async put(wanted: NewBlock): Promise<Block> {
    if (this.#list.size >= this.#maxBlocks) this.#list.sweep();
    if (this.#list.size >= this.#maxBlocks && this.#list.find(wanted) === null) {
      throw new BlockStoreFullError(`this process keeps ${this.#maxBlocks} blocks: remove some first`);
    }
    this.#revision++;
    const block = { ...wanted, revision: this.#revision };
    if (this.#list.put(block)) for (const listener of this.#listeners) listener([block]);
    return block;
  }

  async remove(target: BlockTarget): Promise<number | null> {
    if (this.#list.find(target) === null) return null;
    this.#revision++;
    this.#list.remove(target, this.#revision);
    return this.#revision;
  }

  refresh(): Promise<void> {
    return Promise.resolve();
  }

  onBlocked(listener: (blocks: readonly Block[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
