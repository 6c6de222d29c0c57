import { LOST_AFTER_MS, MemoryClusterBackbone, MemoryClusterLink } from "@carillon/core";
import { describeClusterLink } from "@carillon/testkit/contracts";
import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { ClusterWorld, settle, Troublemaker, type WorldNode } from "./support/cluster-world.ts";

describeClusterLink("MemoryClusterLink", async () => {
  const backbone = new MemoryClusterBackbone();
  return { createLink: async () => new MemoryClusterLink(backbone), close: async () => undefined };
});

const ids = ({ cluster }: WorldNode) => cluster.nodes.map(({ id }) => id).sort();

describe("ClusterMembership › who is there", () => {
  it("nodes know each other within moments of the start, and settle then", async () => {
    const world = new ClusterWorld();
    const [a, b, c] = (await world.start("a", "b", "c")) as [WorldNode, WorldNode, WorldNode];
    expect([ids(a), ids(b), ids(c)]).toEqual([
      ["b", "c"],
      ["a", "c"],
      ["a", "b"],
    ]);
    const late = await world.add("late");
    await late.cluster.start();
    expect(late.cluster.isSettled).toBe(false);
    const settled = late.cluster.whenSettled(10_000);
    await world.run(350);
    await settled;
    expect(ids(late)).toEqual(["a", "b", "c"]);
    world.close();
    expect(world.clock.pendingTimers).toBe(0);
  });

  it("tells how many connections the others have, of each app", async () => {
    const world = new ClusterWorld();
    const [a, b] = (await world.start("a", "b", "c")) as [WorldNode, WorldNode];
    for (const { connections } of world.nodes) connections.set("1", 5).set("2", 0);
    b.connections.set("1", 7);
    await world.run(1000);
    expect(a.cluster.connectionsElsewhere("1")).toBe(12);
    expect(a.cluster.connectionsElsewhere("2")).toBe(0);
    expect(a.cluster.nodes.every(({ connectionsByApp }) => !connectionsByApp.has("2"))).toBe(true);
    world.close();
  });

  it("tells whether the others take connections; a node of before that was told doesn't say", async () => {
    const world = new ClusterWorld();
    const [a, b] = (await world.start("a", "b")) as [WorldNode, WorldNode];
    const accepting = () => a.cluster.nodes.map(({ id, isAccepting }) => [id, isAccepting]);
    expect(accepting()).toEqual([["b", true]]);
    b.isAccepting = false;
    await world.run(1000);
    expect(accepting()).toEqual([["b", false]]);
    // A beat in its form: version, type, from, isGateway, wantsReply, connections.
    await world.inject(new Packr({ useRecords: false }).pack([1, 0, "old", true, false, [["1", 7]]]));
    expect(accepting()).toEqual([
      ["b", false],
      ["old", null],
    ]);
    expect(a.cluster.connectionsElsewhere("1")).toBe(7);
    world.close();
  });

  it("a killed node is lost after four seconds, one that said goodbye at once", async () => {
    const world = new ClusterWorld();
    const [a, b, c] = (await world.start("a", "b", "c")) as [WorldNode, WorldNode, WorldNode];
    c.cluster.leave();
    await settle();
    expect(a.seen.at(-1)).toBe("-c left");
    world.kill(b);
    await world.run(LOST_AFTER_MS - 1000);
    expect(ids(a)).toEqual(["b"]);
    await world.run(2000);
    expect([ids(a), a.seen.at(-1), a.cluster.counters.nodesLost]).toEqual([[], "-b lost", 1]);
    world.close();
  });

  it("one that said goodbye is not taken back by a beat that was under way, and can still be asked", async () => {
    const world = new ClusterWorld();
    const [a, b] = (await world.start("a", "b")) as [WorldNode, WorldNode];
    b.cluster.handle("what", () => ["this"]);
    b.cluster.leave();
    await world.run(3000);
    expect(ids(a)).toEqual([]);
    const { answers } = await a.cluster.ask("what", null, { nodeId: "b" });
    expect(answers).toEqual([{ nodeId: "b", parts: ["this"] }]);
    world.close();
  });

  it("while the own bus is away nobody is lost; those who died meanwhile are, once it is back", async () => {
    const world = new ClusterWorld();
    const [a, b, c] = (await world.start("a", "b", "c")) as [WorldNode, WorldNode, WorldNode];
    a.setBus("disconnected");
    world.passes = (from, to) => from !== "a" && to !== "a";
    world.kill(c);
    await world.run(60_000);
    expect([ids(a), a.cluster.isSettled]).toEqual([["b", "c"], false]);
    expect(ids(b)).toEqual([]);
    world.passes = (from, to) => from !== "c" && to !== "c";
    a.setBus("connected");
    await world.run(LOST_AFTER_MS + 1000);
    expect([ids(a), ids(b)]).toEqual([["b"], ["a"]]);
    world.close();
  });

  it("a process that stood still doesn't hold the others for lost", async () => {
    const world = new ClusterWorld();
    const [a, b] = (await world.start("a", "b")) as [WorldNode, WorldNode];
    world.clock.freeze(30_000);
    await world.run(100);
    expect([...a.seen, ...b.seen].filter((text) => text.startsWith("-"))).toEqual([]);
    world.close();
  });

  it("after losses, kills and cuts end, all know exactly who lives within five seconds", async () => {
    const node = fc.nat({ max: 4 });
    const trouble = fc.oneof(
      fc.record({ kind: fc.constant("lose" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({ kind: fc.constantFrom("cut" as const, "kill" as const, "leave" as const), node }),
      fc.record({ kind: fc.constant("add" as const) }),
    );
    const troubles = fc.array(fc.tuple(trouble, fc.integer({ min: 50, max: 3000 })), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(troubles, async (steps) => {
        const world = new ClusterWorld();
        const troublemaker = new Troublemaker(world);
        await world.start("n0", "n1", "n2");
        for (const [step, ms] of steps) {
          await troublemaker.make(step);
          await world.run(ms);
        }
        troublemaker.end();
        await world.run(5100);
        const living = troublemaker.living.map(({ nodeId }) => nodeId);
        for (const each of troublemaker.living) {
          expect(ids(each)).toEqual(living.filter((id) => id !== each.nodeId).sort());
          expect(each.bugs).toEqual([]);
        }
        world.close();
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});

describe("ClusterMembership › telling and asking", () => {
  it("asks all gateways, the asking one too, and publishers none", async () => {
    const world = new ClusterWorld();
    const [a] = (await world.start("a", "b")) as [WorldNode];
    const publisher = await world.add("p", false);
    for (const { cluster, nodeId } of world.nodes) {
      cluster.handle("who", async (from, body) => [nodeId, `${from} ${body}`]);
    }
    await publisher.cluster.start();
    await world.run(400);
    const byGateway = await a.cluster.ask("who", "x");
    expect(byGateway.missing).toEqual([]);
    expect(byGateway.answers.map(({ parts }) => parts).sort()).toEqual([
      ["a", "a x"],
      ["b", "a x"],
    ]);
    const byPublisher = await publisher.cluster.ask("who", "y");
    expect(byPublisher.answers.map(({ nodeId }) => nodeId).sort()).toEqual(["a", "b"]);
    world.close();
  });

  it("says who didn't answer in time, and hears nothing of what comes later", async () => {
    const world = new ClusterWorld();
    const [a, b, c] = (await world.start("a", "b", "c")) as [WorldNode, WorldNode, WorldNode];
    let answerLate: (parts: readonly unknown[]) => void = () => undefined;
    b.cluster.handle("what", () => new Promise((resolve) => (answerLate = resolve)));
    c.cluster.handle("what", () => []);
    const asked = a.cluster.ask("what", null, { timeoutMs: 200 });
    await world.run(250);
    const result = await asked;
    expect(result.missing).toEqual(["b"]);
    expect(result.answers.map(({ nodeId, parts }) => [nodeId, parts]).sort()).toEqual([
      ["a", []],
      ["c", []],
    ]);
    answerLate(["late"]);
    await settle();
    expect([a.bugs, a.cluster.counters.questionsIncomplete]).toEqual([[], 1]);
    world.close();
  });

  it("a question that ends with the link is over when that breaks", async () => {
    const world = new ClusterWorld();
    const [a, b] = (await world.start("a", "b")) as [WorldNode, WorldNode];
    b.cluster.handle("what", () => new Promise(() => undefined));
    const ask = (endsWithLink: boolean) =>
      a.cluster.ask("what", null, { nodeId: "b", timeoutMs: 60_000, endsWithLink });
    const [ending, lasting] = [ask(true), ask(false)];
    await settle();
    a.setBus("disconnected");
    expect(await ending).toEqual({ answers: [], missing: ["b"] });
    expect(await Promise.race([lasting, Promise.resolve("asked still")])).toBe("asked still");
    expect(await ask(true)).toEqual({ answers: [], missing: ["b"] });
    world.close();
  });

  it("an answer that is ready while its process is cut off comes when that is back", async () => {
    const world = new ClusterWorld();
    const [a, b] = (await world.start("a", "b")) as [WorldNode, WorldNode];
    let answer: (parts: readonly unknown[]) => void = () => undefined;
    b.cluster.handle("what", () => new Promise((resolve) => (answer = resolve)));
    const asked = a.cluster.ask("what", null, { nodeId: "b", timeoutMs: 3000 });
    await settle();
    b.setBus("disconnected");
    world.passes = (from) => from !== "b";
    answer(["this"]);
    await settle();
    world.passes = () => true;
    b.setBus("connected");
    await world.run(3000);
    expect(await asked).toEqual({ answers: [{ nodeId: "b", parts: ["this"] }], missing: [] });
    world.close();
  });

  it("doesn't wait for one that dies or leaves meanwhile", async () => {
    const world = new ClusterWorld();
    const [a, b] = (await world.start("a", "b")) as [WorldNode, WorldNode];
    b.cluster.handle("what", () => new Promise(() => undefined));
    const asked = a.cluster.ask("what", null, { timeoutMs: 60_000 });
    await settle();
    b.cluster.close();
    await settle();
    expect((await asked).missing).toEqual(["b"]);
    world.close();
  });

  it("a handler that fails, or answers more than fits, is reported where it is, and missing where it was asked", async () => {
    const world = new ClusterWorld();
    const [a, b] = (await world.start("a", "b")) as [WorldNode, WorldNode];
    b.cluster.handle("fails", () => Promise.reject(new Error("broken")));
    b.cluster.handle("long", () => ["x".repeat(100_000)]);
    expect((await a.cluster.ask("fails", null)).missing).toEqual(["b"]);
    expect((await a.cluster.ask("long", null)).missing).toEqual(["b"]);
    expect(b.bugs).toHaveLength(2);
    world.close();
  });

  it("tells one node or all others, who may not know the kind", async () => {
    const world = new ClusterWorld();
    const [a, b, c] = (await world.start("a", "b", "c")) as [WorldNode, WorldNode, WorldNode];
    const told: unknown[] = [];
    for (const { cluster, nodeId } of [a, b]) {
      cluster.handle("news", (from, body) => {
        told.push([nodeId, from, body]);
        return undefined;
      });
    }
    a.cluster.tell("news", [1, { two: null }]);
    a.cluster.tell("news", "just you", "b");
    await settle();
    expect(told).toEqual([
      ["b", "a", [1, { two: null }]],
      ["b", "a", "just you"],
    ]);
    expect(c.bugs).toEqual([]);
    world.close();
  });

  it("drops what is no message, and counts it", async () => {
    const world = new ClusterWorld();
    const [a] = (await world.start("a")) as [WorldNode];
    const odd = [
      [],
      [0xc1],
      [0x90],
      [0x93, 2, 0, 0xa1, 0x61],
      [0x95, 1, 0, 0xa1, 0x61, 0xc3, 0xc3],
      [0x93, 1, 9, 0xa1, 0x61],
    ];
    for (const bytes of odd) await world.inject(new Uint8Array(bytes));
    expect([a.cluster.counters.messagesUnreadable, a.cluster.nodes, a.bugs]).toEqual([odd.length, [], []]);
    world.close();
  });
});
