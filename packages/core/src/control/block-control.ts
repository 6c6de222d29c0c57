import { accept, type Result, refuse } from "@carillon/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import type { App } from "../ports/apps.ts";
import {
  type Block,
  type BlockKind,
  type BlockPage,
  type BlockQuery,
  type BlockStore,
  BlockStoreFullError,
  BlocksUnavailableError,
  type BlockTarget,
} from "../ports/block-store.ts";
import type { Clock } from "../ports/clock.ts";
import type { ControlResult } from "./cluster-control.ts";
import { CONTROL, listOf } from "./control-question.ts";

/** What a BlockControl stands on. */
export interface BlockControlOptions {
  readonly store: BlockStore;
  readonly cluster: Cluster;
  readonly clock: Clock;
}

/** Whom to block, for how long and why. */
export interface BlockWish {
  readonly kind: BlockKind;
  readonly id: string;
  readonly seconds: number;
  readonly reason: string | null;
}

/** How long a process that has just started waits to learn which gateways there are, in ms. */
const SETTLE_MS = 500;

/** How long a gateway may take to catch up with the store, in ms. */
const ANSWER_MS = 1000;

/** Commands about blocks, for the whole cluster: stores them, and asks all gateways whether they know. */
export class BlockControl {
  readonly #options: BlockControlOptions;

  constructor(options: BlockControlOptions) {
    this.#options = options;
  }

  /**
   * Blocks. Accepted means that it is stored; complete, that every gateway keeps the target out from now on. Refuses with
   * `blocks_unavailable`, and with `block_limit` when the app has as many as it may: those that are put at the same moment may pass that.
   */
  async block(
    app: App,
    { kind, id, seconds, reason }: BlockWish,
  ): Promise<Result<ControlResult & { readonly block: Block; readonly ended: number }>> {
    const { store, clock } = this.#options;
    const { blocks: limit } = app.settings.limits;
    const target: BlockTarget = { appId: app.id, kind, id };
    return this.#guarded(async () => {
      if (store.find(target) === null && store.countOf(app.id) >= limit) {
        return refuse(
          "block_limit",
          `the app has ${limit} blocks (limits.blocks): remove some, or let them expire first`,
        );
      }
      const block = await store.put({ ...target, reason, expiresAtMs: clock.now() + seconds * 1000 });
      const told = await this.#tell(target, block.revision, true);
      return accept({ block, ...told });
    });
  }

  /** Ends a block. Refuses with `blocks_unavailable`. */
  async unblock(
    appId: string,
    target: Omit<BlockTarget, "appId">,
  ): Promise<Result<ControlResult & { readonly wasBlocked: boolean }>> {
    const { store } = this.#options;
    const full = { appId, ...target };
    return this.#guarded<ControlResult & { readonly wasBlocked: boolean }>(async () => {
      const revision = await store.remove(full);
      if (revision === null) return accept({ wasBlocked: false, isComplete: true });
      const { isComplete } = await this.#tell(full, revision, false);
      return accept({ wasBlocked: true, isComplete });
    });
  }

  /** The block of one target, as a page of its own. Refuses with `blocks_unavailable`. */
  async find(appId: string, target: Omit<BlockTarget, "appId">): Promise<Result<BlockPage>> {
    const { store } = this.#options;
    return this.#guarded(async () => {
      await store.refresh();
      const block = store.find({ appId, ...target });
      return accept({ blocks: block === null ? [] : [block], next: null });
    });
  }

  /** The blocks of an app, as they are stored. Refuses with `blocks_unavailable`. */
  async list(appId: string, query: BlockQuery): Promise<Result<BlockPage>> {
    const { store } = this.#options;
    return this.#guarded(async () => {
      await store.refresh();
      return accept(store.page(appId, query));
    });
  }

  async #tell(
    { appId, kind, id }: BlockTarget,
    revision: number,
    isBlocked: boolean,
  ): Promise<ControlResult & { readonly ended: number }> {
    const { cluster } = this.#options;
    await cluster.whenSettled(SETTLE_MS);
    const body = [appId, kind, id, revision, isBlocked];
    const { answers, missing } = await cluster.ask(CONTROL.blocks, body, { timeoutMs: ANSWER_MS });
    let ended = 0;
    let isComplete = missing.length === 0;
    for (const { parts } of answers) {
      // A gateway of an older version answers nothing, and keeps nobody out.
      const [count, isKnown] = listOf(parts[0]);
      ended += Number(count ?? 0);
      if (isKnown !== true) isComplete = false;
    }
    return { ended, isComplete };
  }

  async #guarded<T>(act: () => Promise<Result<T>>): Promise<Result<T>> {
    try {
      return await act();
    } catch (error) {
      if (error instanceof BlocksUnavailableError || error instanceof BlockStoreFullError) {
        return refuse(error.code, error.message);
      }
      throw error;
    }
  }
}
