import type { Block, BlockKind, BlockStore, BlockTarget } from "@carillon/core";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";

/** One process's store. */
export interface BlockStoreNode {
  readonly store: BlockStore;
  close(): Promise<void>;
}

/** Stores under test, which all keep the same blocks. */
export interface BlockStoreHarness {
  /** Adds a process, which has not begun to follow; the suite closes it. */
  createNode(): Promise<BlockStoreNode>;
  /** The time by which blocks expire, in ms since 1970. */
  now(): number;
  /** Lets this much time pass. Absent: real time does. */
  passTime?(ms: number): void;
  /** Ends what the stores stand on, after all of them were closed. */
  close(): Promise<void>;
}

const HOUR_MS = 3_600_000;

/**
 * The contract of BlockStore, as tests: what the comments of the port promise, on every implementation alike. Tests share
 * what the stores stand on, and keep apart by the id of the app.
 *
 * @example
 * describeBlockStore("MemoryBlockStore", async () => new MemoryHarness());
 */
export function describeBlockStore(name: string, createHarness: () => Promise<BlockStoreHarness>): void {
  describe(`BlockStore contract: ${name}`, () => {
    const suite = new BlockSuite(createHarness);
    beforeAll(() => suite.start());
    afterEach(() => suite.closeNodes());
    afterAll(() => suite.stop());
    describeBlocks(suite);
    describeFollowing(suite);
    describeBlockModel(suite);
  });
}

class BlockSuite {
  readonly #createHarness: () => Promise<BlockStoreHarness>;
  #harness: BlockStoreHarness | undefined;
  readonly #nodes: BlockStoreNode[] = [];
  #apps = 0;

  constructor(createHarness: () => Promise<BlockStoreHarness>) {
    this.#createHarness = createHarness;
  }

  get harness(): BlockStoreHarness {
    if (this.#harness === undefined) throw new Error("the harness has not started");
    return this.#harness;
  }

  async start(): Promise<void> {
    this.#harness = await this.#createHarness();
  }

  /** A store that is current. */
  async store(): Promise<BlockStore> {
    const node = await this.harness.createNode();
    this.#nodes.push(node);
    node.store.follow();
    await node.store.whenLoaded(10_000);
    expect(node.store.status).toBe("current");
    return node.store;
  }

  /** An app that no other test uses. */
  app(): string {
    this.#apps++;
    return `app-${this.#apps}`;
  }

  /** A block that lasts an hour unless told otherwise. */
  block(appId: string, id: string, { ms = HOUR_MS, kind = "user" as BlockKind, reason = null as string | null } = {}) {
    return { appId, kind, id, reason, expiresAtMs: this.harness.now() + ms };
  }

  async closeNodes(): Promise<void> {
    await Promise.all(this.#nodes.splice(0).map((node) => node.close()));
  }

  async stop(): Promise<void> {
    await this.#harness?.close();
  }
}

const user = (appId: string, id: string): BlockTarget => ({ appId, kind: "user", id });

function describeBlocks(suite: BlockSuite): void {
  it("a block is in force in every process, for exactly its target", async () => {
    const [near, far] = [await suite.store(), await suite.store()];
    const app = suite.app();
    const put = await near.put(suite.block(app, "ann", { reason: "spam" }));
    for (const store of [near, far]) {
      await eventually(() => expect(store.find(user(app, "ann"))).toEqual(put));
      expect(store.find(user(app, "ann"))).toBe(store.find(user(app, "ann")));
      for (const other of [{ id: "bob" }, { kind: "token" as const }, { appId: suite.app() }]) {
        expect(store.find({ ...user(app, "ann"), ...other })).toBeNull();
      }
      expect(store.countOf(app)).toBe(1);
    }
  });

  it("a newer block of the same target takes the place of the older one, also with an earlier end", async () => {
    const [near, far] = [await suite.store(), await suite.store()];
    const app = suite.app();
    const first = await near.put(suite.block(app, "ann"));
    const second = await far.put(suite.block(app, "ann", { ms: 60_000, reason: "less" }));
    expect(second.revision).toBeGreaterThan(first.revision);
    for (const store of [near, far]) {
      await store.refresh();
      expect(store.find(user(app, "ann"))).toEqual(second);
      expect(store.countOf(app)).toBe(1);
    }
  });

  it("a removed block is in force nowhere, can be put again, and removing what is not there says so", async () => {
    const [near, far] = [await suite.store(), await suite.store()];
    const app = suite.app();
    expect(await near.remove(user(app, "ann"))).toBeNull();
    const { revision } = await near.put(suite.block(app, "ann"));
    expect(await far.remove(user(app, "ann"))).toBeGreaterThan(revision);
    for (const store of [near, far]) {
      await store.refresh();
      expect(store.find(user(app, "ann"))).toBeNull();
      expect(await store.remove(user(app, "ann"))).toBeNull();
    }
    const again = await far.put(suite.block(app, "ann"));
    await near.refresh();
    expect(near.find(user(app, "ann"))).toEqual(again);
  });

  it("a block ends by itself everywhere, and others stay", async () => {
    const [near, far] = [await suite.store(), await suite.store()];
    const app = suite.app();
    const lifeMs = 3000;
    await near.put(suite.block(app, "short", { ms: lifeMs }));
    const long = await near.put(suite.block(app, "long"));
    for (const store of [near, far]) {
      await store.refresh();
      expect(store.find(user(app, "short"))).not.toBeNull();
    }
    suite.harness.passTime?.(lifeMs);
    for (const store of [near, far]) {
      await eventually(() => expect(store.find(user(app, "short"))).toBeNull());
      expect(store.page(app, { after: "", limit: 10 }).blocks).toEqual([long]);
    }
    expect(await near.remove(user(app, "short"))).toBeNull();
  });

  it("blocks are listed page by page, each once, in the same order everywhere", async () => {
    const [near, far] = [await suite.store(), await suite.store()];
    const app = suite.app();
    const ids = Array.from({ length: 25 }, (_, index) => `u${index}`);
    await Promise.all(ids.map((id, index) => near.put(suite.block(app, id, { kind: index % 2 ? "token" : "user" }))));
    await near.put(suite.block(suite.app(), "of another app"));
    const lists: string[][] = [];
    for (const store of [near, far]) {
      await store.refresh();
      const seen: Block[] = [];
      let after: string | null = "";
      while (after !== null) {
        const page = store.page(app, { after, limit: 10 });
        expect(page.blocks.length).toBeLessThanOrEqual(10);
        seen.push(...page.blocks);
        after = page.next;
      }
      lists.push(seen.map(({ kind, id }) => `${kind} ${id}`));
      expect(store.page(app, { after: "", limit: 25 }).next).toBeNull();
    }
    expect(new Set(lists[0]).size).toBe(25);
    expect(lists[0]).toEqual(lists[1]);
  });
}

function describeFollowing(suite: BlockSuite): void {
  it("after a refresh everything that was put or removed before is known, wherever that was", async () => {
    const [near, far] = [await suite.store(), await suite.store()];
    const app = suite.app();
    for (let round = 0; round < 20; round++) {
      const put = await near.put(suite.block(app, `u${round}`));
      await far.refresh();
      expect(far.find(user(app, `u${round}`))).toEqual(put);
      if (round % 2 === 0) continue;
      await far.remove(user(app, `u${round}`));
      await near.refresh();
      expect(near.find(user(app, `u${round}`))).toBeNull();
    }
  });

  it("a process that comes later knows all that is in force, many and long gone ones included", async () => {
    const near = await suite.store();
    const app = suite.app();
    const ids = Array.from({ length: 1500 }, (_, index) => `u${index}`);
    await Promise.all(ids.map((id) => near.put(suite.block(app, id))));
    for (const id of ids.slice(0, 20)) await near.remove(user(app, id));
    const late = await suite.store();
    expect(late.countOf(app)).toBe(1480);
    expect(late.find(user(app, "u19"))).toBeNull();
    expect(late.find(user(app, "u1499"))).not.toBeNull();
  }, 60_000);

  it("tells of each new block once, when it is in force already, and of what was there at the load", async () => {
    const near = await suite.store();
    const app = suite.app();
    const early = await near.put(suite.block(app, "early"));
    const far = await suite.store();
    const told: string[] = [];
    far.onBlocked((blocks) => {
      for (const block of blocks.filter(({ appId }) => appId === app)) {
        expect(far.find(block)).toBe(block);
        told.push(block.id);
      }
    });
    await far.refresh();
    expect(far.find(early)).toEqual(early);
    const late = await near.put(suite.block(app, "late"));
    await near.put(suite.block(app, "late", { ms: 2 * HOUR_MS }));
    await eventually(async () => {
      await far.refresh();
      expect(far.find(late)?.expiresAtMs).toBeGreaterThan(late.expiresAtMs);
    });
    await near.remove(late);
    await far.refresh();
    // The first form of a block may be passed over when the second one is there already.
    expect([...new Set(told)]).toEqual(["late"]);
    expect(told.length).toBeLessThanOrEqual(2);
  });

  it("any id has a block of its own", async () => {
    const [near, far] = [await suite.store(), await suite.store()];
    const app = suite.app();
    const ids = [
      "a.b",
      "a b",
      "*",
      ">",
      "a\r\nPUB x 0",
      "user:ann",
      "日本",
      "💥",
      "\ud800",
      "=41",
      "A",
      "a",
      "x".repeat(128),
    ];
    await Promise.all(ids.map((id) => near.put(suite.block(app, id, { reason: id.slice(0, 3) }))));
    await far.refresh();
    for (const id of ids) expect(far.find(user(app, id))).toMatchObject({ id, reason: id.slice(0, 3) });
    expect(far.countOf(app)).toBe(ids.length);
  });
}

function describeBlockModel(suite: BlockSuite): void {
  it("whatever is put and removed wherever, all processes agree with a plain map after a refresh", async () => {
    const stores = [await suite.store(), await suite.store(), await suite.store()];
    const step = fc.record({
      at: fc.nat({ max: 2 }),
      id: fc.constantFrom("a", "b", "c"),
      kind: fc.constantFrom<BlockKind>("user", "token"),
      isPut: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const app = suite.app();
        const model = new Map<string, number>();
        for (const { at, id, kind, isPut } of steps) {
          const store = stores[at] as BlockStore;
          const key = `${kind} ${id}`;
          if (isPut) model.set(key, (await store.put(suite.block(app, id, { kind }))).revision);
          else expect((await store.remove({ appId: app, kind, id })) !== null).toBe(model.delete(key));
        }
        for (const store of stores) {
          await store.refresh();
          const { blocks } = store.page(app, { after: "", limit: 100 });
          expect(new Map(blocks.map(({ kind, id, revision }) => [`${kind} ${id}`, revision]))).toEqual(model);
        }
      }),
      { numRuns: 25 },
    );
  }, 60_000);
}
