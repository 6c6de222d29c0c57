import { type App, UserQuota } from "@carillon/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClusterWorld, type WorldNode } from "./support/cluster-world.ts";
import { createApp } from "./support/test-node.ts";

/** A connection somewhere, which notes how it ended. */
class Connection {
  readonly app: App;
  readonly end: (name: string) => void;
  ended: string | null = null;

  constructor(app: App) {
    this.app = app;
    this.end = (name) => {
      this.ended = name;
    };
  }
}

/** Gateways that count the connections of users. */
class QuotaWorld {
  readonly world = new ClusterWorld();
  readonly app: App;
  readonly quotas = new Map<string, UserQuota>();
  nodes: WorldNode[] = [];
  readonly #open: { readonly quota: UserQuota; readonly connection: Connection }[] = [];

  constructor(limit: number) {
    this.app = createApp({ limits: { connectionsPerUser: limit } });
  }

  async start(...ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const node = await this.world.add(id);
      this.quotas.set(id, new UserQuota({ cluster: node.cluster, bus: node.bus, clock: this.world.clock }));
      this.nodes.push(node);
    }
    for (const { cluster } of this.nodes) await cluster.start();
    await this.world.run(400);
  }

  quota(id: string): UserQuota {
    const quota = this.quotas.get(id);
    if (quota === undefined) throw new Error(`no gateway ${id}`);
    return quota;
  }

  /** A connection that was let in; null when it was refused. */
  connect(id: string, userId = "ann"): Connection | null {
    const connection = new Connection(this.app);
    if (!this.quota(id).admit(connection, userId)) return null;
    this.#open.push({ quota: this.quota(id), connection });
    return connection;
  }

  /** Those that were let in and have not ended. */
  get alive() {
    return this.#open.filter(({ connection }) => connection.ended === null);
  }

  /** One of those that are alive goes. */
  disconnect(which: number): void {
    const living = this.alive;
    const gone = living[which % Math.max(living.length, 1)];
    if (gone === undefined) return;
    gone.connection.ended = "closed";
    gone.quota.release(gone.connection);
  }

  close(): void {
    for (const quota of this.quotas.values()) quota.close();
    this.world.close();
  }
}

describe("connections of a user", () => {
  it("N65 › on one gateway: exactly as many as allowed, and a place that becomes free is given again", async () => {
    const test = new QuotaWorld(2);
    await test.start("a");
    const [first, second] = [test.connect("a"), test.connect("a")];
    expect([first, second].includes(null)).toBe(false);
    expect(test.connect("a")).toBeNull();
    expect(test.connect("a", "bob")).not.toBeNull();
    if (first !== null) test.quota("a").release(first);
    if (first !== null) test.quota("a").release(first);
    expect(test.connect("a")).not.toBeNull();
    expect(test.connect("a")).toBeNull();
    expect(test.quota("a").counters).toEqual({ refused: 2, ended: 0 });
    test.close();
  });

  it("N65 › a gateway that is new to the user finds out within a second, and ends the newest", async () => {
    const test = new QuotaWorld(2);
    await test.start("a", "b", "c");
    const old = [test.connect("a"), test.connect("b")];
    await test.world.run(1000);
    const late = test.connect("c");
    expect(late).not.toBeNull();
    await test.world.run(1000);
    expect(late?.ended).toBe("user_connection_limit");
    expect(old.map((connection) => connection?.ended)).toEqual([null, null]);
    // Where the user has a connection its others are known: one more is refused at once.
    expect(test.connect("a")).toBeNull();
    test.close();
  });

  it("a limit of 0 counts nothing and tells nothing", async () => {
    const test = new QuotaWorld(0);
    await test.start("a");
    for (let index = 0; index < 100; index++) expect(test.connect("a")).not.toBeNull();
    const timers = test.world.clock.pendingTimers;
    test.connect("a");
    expect(test.world.clock.pendingTimers).toBe(timers);
    test.close();
  });

  it("connections of a gateway that died count no more", async () => {
    const test = new QuotaWorld(1);
    await test.start("a", "b");
    test.connect("b");
    await test.world.run(1000);
    test.world.kill(test.nodes[1] as WorldNode);
    await test.world.run(6000);
    const again = test.connect("a");
    await test.world.run(1000);
    expect(again?.ended).toBeNull();
    test.close();
  });

  it("gateways that were apart, by a cut or a break of the bus, agree again when they hear each other", async () => {
    for (const cutMs of [2000, 20_000]) {
      const test = new QuotaWorld(1);
      await test.start("a", "b");
      const [a] = test.nodes as [WorldNode];
      test.world.passes = () => false;
      a.setBus("disconnected");
      const first = test.connect("a");
      await test.world.run(100);
      const second = test.connect("b");
      await test.world.run(cutMs);
      expect([first?.ended, second?.ended]).toEqual([null, null]);
      test.world.passes = () => true;
      a.setBus("connected");
      await test.world.run(3000);
      expect([first?.ended, second?.ended]).toEqual([null, "user_connection_limit"]);
      test.close();
    }
  });

  it("a frozen gateway that comes back without a break of its own is told anew", async () => {
    const test = new QuotaWorld(1);
    await test.start("a", "b");
    const first = test.connect("a");
    test.world.passes = () => false;
    await test.world.run(10_000);
    const second = test.connect("b");
    await test.world.run(1000);
    test.world.passes = () => true;
    await test.world.run(5000);
    expect([first?.ended, second?.ended]).toEqual([null, "user_connection_limit"]);
    test.close();
  });

  it("one that is refused because a message got lost gets in at its next try", async () => {
    const test = new QuotaWorld(2);
    await test.start("a", "b");
    const [first, second] = [test.connect("a"), test.connect("b")];
    await test.world.run(1000);
    test.world.passes = (from) => from !== "a";
    if (first !== null) test.quota("a").release(first);
    await test.world.run(500);
    test.world.passes = () => true;
    expect(test.connect("b")).toBeNull();
    await test.world.run(100);
    expect(test.connect("b")).not.toBeNull();
    expect(second?.ended).toBeNull();
    test.close();
  });

  it("whatever comes and goes wherever, in the end the limit holds, and is used up by the oldest", async () => {
    const step = fc.record({
      node: fc.constantFrom("a", "b", "c"),
      isClose: fc.boolean(),
      which: fc.nat({ max: 20 }),
      ms: fc.constantFrom(0, 5, 50, 250),
    });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 25 }), async (limit, steps) => {
        const test = new QuotaWorld(limit);
        await test.start("a", "b", "c");
        for (const { node, isClose, which, ms } of steps) {
          if (isClose) test.disconnect(which);
          else test.connect(node);
          await test.world.run(ms);
        }
        await test.world.run(1000);
        expect(test.alive.length).toBeLessThanOrEqual(limit);
        // All that was told has arrived: there is room for exactly as many as are missing, one at a time.
        for (let count = test.alive.length; count < limit + 2; count++) {
          test.connect("b");
          await test.world.run(600);
          expect(test.alive).toHaveLength(Math.min(count + 1, limit));
        }
        test.close();
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it("of connections that come at once on many gateways exactly the limit stays", async () => {
    for (const limit of [1, 2, 5]) {
      const test = new QuotaWorld(limit);
      await test.start("a", "b", "c", "d");
      const all = ["a", "b", "c", "d", "a", "b", "c", "d"].map((id) => test.connect(id));
      await test.world.run(1500);
      expect(all.filter((each) => each !== null && each.ended === null)).toHaveLength(limit);
      test.close();
    }
  });
});
