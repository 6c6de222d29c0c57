import type { Block, BlockPage, BlockQuery, BlockTarget } from "../ports/block-store.ts";

/**
 * Blocks in memory, by app and target: what every {@link BlockStore} looks things up in. About 250 bytes a block (measured), and the reason. What it holds
 * is bounded by whoever fills it.
 */
export class BlockList {
  readonly #now: () => number;
  #apps = new Map<string, Map<string, Block>>();
  #nextSweepMs = 0;

  /** `now`: ms since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** All blocks that are held, those included that have expired since the last {@link sweep}. */
  get size(): number {
    let size = 0;
    for (const blocks of this.#apps.values()) size += blocks.size;
    return size;
  }

  find(target: BlockTarget): Block | null {
    const block = this.#apps.get(target.appId)?.get(keyOf(target));
    return block !== undefined && block.expiresAtMs > this.#now() ? block : null;
  }

  /** Blocks of an app that are in force; what has expired within the last second may count. */
  countOf(appId: string): number {
    if (this.#now() >= this.#nextSweepMs) this.sweep();
    return this.#apps.get(appId)?.size ?? 0;
  }

  page(appId: string, { after, limit }: BlockQuery): BlockPage {
    const nowMs = this.#now();
    const rows = [...(this.#apps.get(appId) ?? [])]
      .filter(([key, { expiresAtMs }]) => key > after && expiresAtMs > nowMs)
      .sort(([left], [right]) => (left < right ? -1 : 1));
    const shown = rows.slice(0, limit);
    return { blocks: shown.map(([, block]) => block), next: rows.length > limit ? (shown.at(-1)?.[0] ?? null) : null };
  }

  /** Takes a block in, in place of an older one of the same target. False when it changes nothing: it is old, or over. */
  put(block: Block): boolean {
    const key = keyOf(block);
    let blocks = this.#apps.get(block.appId);
    if ((blocks?.get(key)?.revision ?? 0) >= block.revision) return false;
    if (block.expiresAtMs <= this.#now()) {
      // It is shorter than the one before it, and over already.
      blocks?.delete(key);
      return false;
    }
    if (blocks === undefined) {
      blocks = new Map();
      this.#apps.set(block.appId, blocks);
    }
    blocks.set(key, block);
    return true;
  }

  /** Lets go of the block of a target, unless that is newer than `revision`. */
  remove(target: BlockTarget, revision: number): void {
    const blocks = this.#apps.get(target.appId);
    const key = keyOf(target);
    if (blocks === undefined || (blocks.get(key)?.revision ?? 0) > revision) return;
    blocks.delete(key);
    if (blocks.size === 0) this.#apps.delete(target.appId);
  }

  /** Takes over what another list holds, all at once. Answers the blocks that were not here in this very form. */
  replaceWith(other: BlockList): Block[] {
    const fresh: Block[] = [];
    for (const [appId, blocks] of other.#apps) {
      for (const [key, block] of blocks) {
        const known = this.#apps.get(appId)?.get(key);
        if (known?.revision === block.revision && known.expiresAtMs === block.expiresAtMs) blocks.set(key, known);
        else fresh.push(block);
      }
    }
    this.#apps = other.#apps;
    return fresh;
  }

  /** Lets go of what has expired. */
  sweep(): void {
    const nowMs = this.#now();
    this.#nextSweepMs = nowMs + SWEEP_MS;
    for (const [appId, blocks] of this.#apps) {
      for (const [key, { expiresAtMs }] of blocks) if (expiresAtMs <= nowMs) blocks.delete(key);
      if (blocks.size === 0) this.#apps.delete(appId);
    }
  }
}

/** Counting looks for expired blocks no more often than this, in ms. */
const SWEEP_MS = 1000;

function keyOf({ kind, id }: BlockTarget): string {
  return `${kind}:${id}`;
}
