import { randomUUID } from "node:crypto";
import {
  type Block,
  BlockList,
  type BlockPage,
  type BlockQuery,
  type BlockStore,
  BlockStoreFullError,
  type BlockStoreStatus,
  BlocksUnavailableError,
  type BlockTarget,
  type NewBlock,
} from "@carillon/core";
import { BlockFollower } from "./block-follower.ts";
import { type BlockRecord, encodeBlockRecord } from "./block-record.ts";
import { BlockStream } from "./block-stream.ts";
import type { Link } from "./link.ts";
import type { NatsLog } from "./log.ts";
import { StreamPublisher } from "./stream-publisher.ts";
import type { SubjectSpace } from "./subject.ts";

/** How blocks are kept on JetStream. */
export interface NatsBlockSettings {
  /** Copies in the NATS cluster: 1 (default), 3 or 5. With 1, nobody can be blocked while its server is away. */
  readonly replicas?: number;
  /** Most bytes on disk of each copy: some 400 for a block. Default 64 MiB. */
  readonly maxBytes?: number;
  /** How long one block is tried to be stored, in ms. Default 15 seconds: a new leader takes about 8 (measured). */
  readonly deadlineMs?: number;
}

/** What a NatsBlockStore stands on. */
export interface NatsBlockStoreOptions {
  readonly space: SubjectSpace;
  readonly settings: NatsBlockSettings;
  readonly log: NatsLog;
  /** The connection to use now; null while there is none. */
  readonly link: () => Link | null;
  /** Begins to hear a subject. Answers the act that ends it. */
  readonly listen: (subject: string, callback: () => void) => () => void;
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
const DEFAULT_DEADLINE_MS = 15_000;

/** The end of a block stays in the stream for this long. Who could not look meanwhile loads everything anew. */
const REMOVED_SECONDS = 600;

/** The {@link BlockStore} on a JetStream stream: one message a block, which expires by itself. */
export class NatsBlockStore implements BlockStore {
  readonly #options: NatsBlockStoreOptions;
  readonly #list = new BlockList(Date.now);
  readonly #stream: BlockStream;
  readonly #follower: BlockFollower;
  readonly #publisher: StreamPublisher;
  readonly #listeners = new Set<(blocks: readonly Block[]) => void>();
  #stopListening: (() => void) | null = null;

  constructor(options: NatsBlockStoreOptions) {
    const { space, settings, log, link } = options;
    const { replicas = 1, maxBytes = DEFAULT_MAX_BYTES } = settings;
    this.#options = options;
    this.#stream = new BlockStream({ space, replicas, maxBytes, log });
    this.#follower = new BlockFollower({
      stream: this.#stream,
      list: this.#list,
      log,
      link,
      onBlocked: (blocks) => {
        if (blocks.length > 0) for (const listener of this.#listeners) listener(blocks);
      },
    });
    this.#publisher = new StreamPublisher({
      link,
      outlivesOutage: true,
      disconnected: () => new BlocksUnavailableError("NATS is not connected"),
      unavailable: (message) => new BlocksUnavailableError(message),
      full: () => new BlockStoreFullError("the store of blocks is full: remove some, or let them expire first"),
    });
  }

  get status(): BlockStoreStatus {
    return this.#follower.status;
  }

  get size(): number {
    return this.#list.size;
  }

  /** What they are kept in. */
  get stream(): BlockStream {
    return this.#stream;
  }

  follow(): void {
    if (this.#stopListening !== null) return;
    this.#stopListening = this.#options.listen(this.#options.space.all("blocked"), () => this.#follower.check());
    this.#follower.check();
  }

  whenLoaded(timeoutMs: number): Promise<void> {
    return this.#follower.whenLoaded(timeoutMs);
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

  async put(block: NewBlock): Promise<Block> {
    const seconds = Math.max(1, Math.ceil((block.expiresAtMs - Date.now()) / 1000));
    return { ...block, revision: await this.#store({ block }, block, seconds) };
  }

  async remove(target: BlockTarget): Promise<number | null> {
    await this.#follower.refresh();
    if (this.#list.find(target) === null) return null;
    const store = () => this.#store({ removed: target }, target, REMOVED_SECONDS);
    try {
      return await store();
    } catch (error) {
      if (!(error instanceof BlockStoreFullError)) throw error;
    }
    // With several copies a full stream takes nothing, not even in the place of something larger.
    await this.#drop(target);
    return await store();
  }

  refresh(): Promise<void> {
    return this.#follower.refresh();
  }

  onBlocked(listener: (blocks: readonly Block[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The connection broke: answers on it are lost. */
  abandon(): void {
    this.#publisher.abandon();
    this.#follower.doubt();
  }

  /** The connection is back, or another one. */
  revive(): void {
    this.#stream.forget();
    this.#follower.doubt();
    if (this.#stopListening !== null) this.#follower.check();
  }

  /** Something may have been lost between the servers of NATS. */
  check(): void {
    if (this.#stopListening !== null) this.#follower.check();
  }

  /** Lets go of subscriptions and timers. */
  close(): void {
    this.#stopListening?.();
    this.#stopListening = null;
    this.#follower.close();
    this.#publisher.close();
  }

  async #drop({ appId, kind, id }: BlockTarget): Promise<void> {
    const { space, link: linkNow } = this.#options;
    const link = linkNow();
    if (link === null) throw new BlocksUnavailableError("NATS is not connected");
    try {
      await this.#stream.drop(link, space.ofBlock(appId, kind, id));
    } catch (cause) {
      throw new BlocksUnavailableError("JetStream did not make room for the end of a block", { cause });
    }
  }

  async #store(record: BlockRecord, { appId, kind, id }: BlockTarget, seconds: number): Promise<number> {
    const { space, settings } = this.#options;
    const { sequence } = await this.#publisher.publish({
      stream: this.#stream,
      subject: space.ofBlock(appId, kind, id),
      data: encodeBlockRecord(record),
      messageId: randomUUID(),
      headers: { "Nats-TTL": `${seconds}s` },
      endMs: performance.now() + (settings.deadlineMs ?? DEFAULT_DEADLINE_MS),
    });
    return sequence;
  }
}
