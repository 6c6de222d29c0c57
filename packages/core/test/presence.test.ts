import { queryObjects } from "node:v8";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PresenceChannel } from "../src/presence/presence-channel.ts";
import { type PresenceNode, PresenceWorld } from "./support/presence-world.ts";

const user = (id: string, info: string | null = null) => ({ id, info });
const CHANNEL = "presence-a";

/** How many there are after a garbage collection. The function's types don't know it yet. */
const countOf = (of: typeof PresenceChannel) =>
  (queryObjects as unknown as (of: unknown, options: { readonly format: "count" }) => number)(of, { format: "count" });

async function start<N extends number>(count: N, options: ConstructorParameters<typeof PresenceWorld>[0] = {}) {
  const world = await PresenceWorld.start(count, options);
  return { world, nodes: world.nodes as [PresenceNode, PresenceNode, PresenceNode] };
}

describe("presence › who is there", () => {
  it("whoever enters sees all users of all nodes and itself; those who were there before are told, once", async () => {
    const { world, nodes } = await start(3);
    const ann = nodes[0].enter(CHANNEL, user("ann", '{"age":1}'));
    await world.run(100);
    const bob = nodes[1].enter(CHANNEL, user("bob"));
    await world.run(100);
    const cid = nodes[2].enter(CHANNEL, user("cid"));
    await world.run(100);
    expect([...(cid.view ?? [])]).toEqual([
      ["ann", '{"age":1}'],
      ["bob", null],
      ["cid", null],
    ]);
    expect(ann.changes.map(({ joined, count }) => [joined.map(({ id }) => id), count])).toEqual([
      [["bob"], 2],
      [["cid"], 3],
    ]);
    expect(bob.changes.map(({ joined }) => joined.map(({ id }) => id))).toEqual([["cid"]]);
    expect([ann, bob, cid].flatMap(({ breaches }) => breaches)).toEqual([]);
    world.close();
  });

  it("a user counts once, however many connections on however many nodes: come with the first, gone with the last", async () => {
    const { world, nodes } = await start(3);
    const watcher = nodes[2].enter(CHANNEL, null);
    await world.run(100);
    const tabs = [nodes[0].enter(CHANNEL, user("ann")), nodes[0].enter(CHANNEL, user("ann"))];
    await world.run(100);
    tabs.push(nodes[1].enter(CHANNEL, user("ann")));
    await world.run(100);
    const [first, second, third] = tabs as [(typeof tabs)[0], (typeof tabs)[0], (typeof tabs)[0]];
    nodes[0].leave(first, false);
    nodes[0].leave(second, false);
    await world.run(100);
    expect(watcher.changes.map(({ joined, left }) => [joined.length, left.length])).toEqual([[1, 0]]);
    nodes[1].leave(third, false);
    await world.run(100);
    expect(watcher.changes.at(-1)).toMatchObject({ left: ["ann"], count: 0 });
    expect(watcher.breaches).toEqual([]);
    world.close();
  });

  it("one that only watches is nobody, and sees everybody", async () => {
    const { world, nodes } = await start(2);
    nodes[0].enter(CHANNEL, user("ann"));
    await world.run(100);
    const watcher = nodes[1].enter(CHANNEL, null);
    await world.run(100);
    expect([...(watcher.view?.keys() ?? [])]).toEqual(["ann"]);
    expect(nodes[0].rosterOf(CHANNEL)).toEqual(["ann"]);
    world.close();
  });

  it("of several infos of one user, all nodes show the one that came first", async () => {
    const { world, nodes } = await start(2);
    nodes[1].enter(CHANNEL, user("ann", '"first"'));
    await world.run(100);
    const later = nodes[0].enter(CHANNEL, user("ann", '"later"'));
    await world.run(100);
    expect(later.view?.get("ann")).toBe('"first"');
    nodes[1].leave([...nodes[1].subscribers][0] as never, false);
    await world.run(100);
    expect(later.view?.get("ann")).toBe('"later"');
    expect(later.breaches).toEqual([]);
    world.close();
  });

  it("pages run through all members in order, once each", async () => {
    const { world, nodes } = await start(1);
    const ids = Array.from({ length: 25 }, (_, index) => `user-${String(index).padStart(2, "0")}`);
    for (const id of ids) nodes[0].enter(CHANNEL, user(id));
    await world.run(200);
    const channel = nodes[0].registry.find("1", CHANNEL);
    if (channel === undefined) throw new Error("the channel is not there");
    const seen: string[] = [];
    let after: string | null = null;
    do {
      const page = nodes[0].presence.rosterOf(channel).page(after, 10);
      seen.push(...page.members.map(({ id }) => id));
      after = page.next;
    } while (after !== null);
    expect(seen).toEqual(ids);
    world.close();
  });
});

describe("presence › coming and going", () => {
  it("a user whose connection broke stays for the grace; when it comes back, anywhere, nobody is told anything", async () => {
    const { world, nodes } = await start(2);
    const watcher = nodes[0].enter(CHANNEL, null);
    const ann = nodes[1].enter(CHANNEL, user("ann"));
    await world.run(100);
    nodes[1].leave(ann, true);
    await world.run(2900);
    const back = nodes[0].enter(CHANNEL, user("ann"));
    await world.run(10_000);
    expect(watcher.changes).toHaveLength(1);
    nodes[0].leave(back, true);
    await world.run(2900);
    const again = nodes[0].enter(CHANNEL, user("ann"));
    await world.run(10_000);
    expect(watcher.changes).toHaveLength(1);
    nodes[0].leave(again, true);
    await world.run(3100);
    expect(watcher.changes.at(-1)).toMatchObject({ left: ["ann"], count: 0 });
    world.close();
  });

  it("a user who comes back with another info has that one from then on, for everybody", async () => {
    const { world, nodes } = await start(2);
    const watchers = nodes.map((node) => node.enter(CHANNEL, null));
    const ann = nodes[1].enter(CHANNEL, user("ann", '"old"'));
    await world.run(100);
    nodes[1].leave(ann, true);
    await world.run(700);
    const back = nodes[1].enter(CHANNEL, user("ann", '"new"'));
    await world.run(100);
    expect([back, ...watchers].map(({ view }) => view?.get("ann"))).toEqual(['"new"', '"new"', '"new"']);
    for (const { changes } of watchers) expect([...(changes.at(-1)?.changed ?? [])]).toEqual(["ann"]);
    await world.run(10_000);
    expect(watchers.map(({ view }) => view?.get("ann"))).toEqual(['"new"', '"new"']);
    expect([back, ...watchers].flatMap(({ breaches }) => breaches)).toEqual([]);
    world.close();
  });

  it("one that unsubscribes is gone at once", async () => {
    const { world, nodes } = await start(2);
    const watcher = nodes[0].enter(CHANNEL, null);
    const ann = nodes[1].enter(CHANNEL, user("ann"));
    await world.run(100);
    nodes[1].leave(ann, false);
    await world.run(100);
    expect(watcher.changes.at(-1)).toMatchObject({ left: ["ann"] });
    world.close();
  });

  it("a grace outlives the interest in the channel: its end is told although nobody listens there any more", async () => {
    const { world, nodes } = await start(2);
    const watcher = nodes[0].enter(CHANNEL, null);
    const ann = nodes[1].enter(CHANNEL, user("ann"));
    await world.run(100);
    nodes[1].leave(ann, true);
    await world.run(1000);
    expect(nodes[1].registry.size).toBe(0);
    expect(watcher.changes).toHaveLength(1);
    await world.run(2500);
    expect(watcher.changes.at(-1)).toMatchObject({ left: ["ann"] });
    expect(nodes[1].presence.members).toBe(0);
    world.close();
  });

  it("a killed node's users are gone within ten seconds, a leaving node's after the grace", async () => {
    const { world, nodes } = await start(3);
    const watcher = nodes[0].enter(CHANNEL, null);
    for (const id of ["a", "b", "c"]) nodes[1].enter(CHANNEL, user(id));
    for (const id of ["x", "y"]) nodes[2].enter(CHANNEL, user(id));
    await world.run(100);
    const [, killed, leaving] = nodes;
    world.kill(killed);
    await world.run(3000);
    expect(watcher.count).toBe(5);
    await world.run(6000);
    expect(watcher.count).toBe(2);
    leaving.base.cluster.leave();
    await world.run(2500);
    expect(watcher.count).toBe(2);
    await world.run(1000);
    expect([watcher.count, watcher.breaches]).toEqual([0, []]);
    world.close();
  });

  it("users who don't fit a message of the bus together are told of all the same, at once", async () => {
    const { world, nodes } = await start(2, { maxBytes: 2000 });
    const watcher = nodes[0].enter(CHANNEL, null);
    await world.run(100);
    const names = Array.from({ length: 20 }, (_, index) => `u${index}`);
    for (const name of names) nodes[1].enter(CHANNEL, user(name, JSON.stringify("x".repeat(200))));
    await world.run(100);
    expect(watcher.view?.size).toBe(20);
    // Nobody knows what of it was heard, so all of it is told, and later ones go on from there.
    nodes[1].base.setBus("disconnected");
    nodes[1].enter(CHANNEL, user("away"));
    await world.run(100);
    nodes[1].base.setBus("connected");
    await world.run(100);
    expect(watcher.view?.has("away")).toBe(true);
    const { published } = world;
    nodes[1].enter(CHANNEL, user("later"));
    await world.run(100);
    expect([watcher.view?.size, world.published - published]).toEqual([22, 1]);
    expect(nodes[0].presence.counters.gaps).toBe(2);
    expect(watcher.breaches).toEqual([]);
    world.close();
  });

  it("a node that is heard again in time has lost nobody", async () => {
    const { world, nodes } = await start(2);
    const watcher = nodes[0].enter(CHANNEL, null);
    nodes[1].enter(CHANNEL, user("ann"));
    await world.run(100);
    world.cluster.passes = () => false;
    await world.run(4500);
    world.cluster.passes = () => true;
    await world.run(6000);
    expect([...watcher.changes.map(({ left }) => left.length), watcher.count]).toEqual([0, 1]);
    world.close();
  });

  it("while the own bus is away nobody leaves; what happened meanwhile is told when it is back", async () => {
    const { world, nodes } = await start(2);
    const watcher = nodes[0].enter(CHANNEL, null);
    const ann = nodes[1].enter(CHANNEL, user("ann"));
    nodes[1].enter(CHANNEL, user("bob"));
    await world.run(100);
    nodes[0].base.setBus("disconnected");
    world.cluster.passes = () => false;
    nodes[1].leave(ann, false);
    await world.run(60_000);
    expect(watcher.count).toBe(2);
    world.cluster.passes = () => true;
    nodes[0].base.setBus("connected");
    await world.run(2000);
    expect([watcher.count, nodes[0].rosterOf(CHANNEL), watcher.breaches]).toEqual([1, ["bob"], []]);
    world.close();
  });
});

describe("presence › limits and cost", () => {
  it("a new user beyond the limit is refused, one that is there already is not", async () => {
    const { world, nodes } = await start(2, { maxMembers: 2 });
    nodes[0].enter(CHANNEL, user("ann"));
    nodes[0].enter(CHANNEL, user("bob"));
    await world.run(100);
    const third = nodes[1].enter(CHANNEL, user("cid"));
    const tab = nodes[1].enter(CHANNEL, user("bob"));
    const watcher = nodes[1].enter(CHANNEL, null);
    await world.run(100);
    expect([third.refusal, tab.refusal, watcher.refusal]).toEqual(["presence_limit", null, null]);
    expect(watcher.count).toBe(2);
    world.close();
  });

  it("nobody is kept out by users who have gone and might come back; the one gone longest makes room", async () => {
    const { world, nodes } = await start(1, { maxMembers: 3 });
    const watcher = nodes[0].enter(CHANNEL, null);
    const [ann, bob] = ["ann", "bob", "cid"].map((id) => nodes[0].enter(CHANNEL, user(id)));
    await world.run(100);
    nodes[0].leave(bob as never, true);
    await world.run(100);
    nodes[0].leave(ann as never, true);
    await world.run(100);
    const dan = nodes[0].enter(CHANNEL, user("dan"));
    await world.run(100);
    expect([dan.refusal, [...(watcher.view?.keys() ?? [])].sort()]).toEqual([null, ["ann", "cid", "dan"]]);
    const eve = nodes[0].enter(CHANNEL, user("eve"));
    const late = nodes[0].enter(CHANNEL, user("ann"));
    await world.run(5000);
    expect([eve.refusal, late.refusal]).toEqual([null, "presence_limit"]);
    expect([[...(watcher.view?.keys() ?? [])].sort(), watcher.breaches]).toEqual([["cid", "dan", "eve"], []]);
    world.close();
  });

  it("with many members only numbers are told, once a second; with fewer again all names at once", async () => {
    const { world, nodes } = await start(2, { listUpTo: 10, graceMs: 0 });
    const watcher = nodes[0].enter(CHANNEL, null);
    const members = Array.from({ length: 30 }, (_, index) => nodes[1].enter(CHANNEL, user(`u${index}`)));
    await world.run(3000);
    expect(watcher.changes.at(-1)).toMatchObject({ isCountOnly: true, count: 30, joined: [] });
    const before = watcher.changes.length;
    for (const member of members.splice(0, 15)) {
      nodes[1].leave(member, false);
      await world.run(100);
    }
    expect(watcher.changes.length - before).toBeLessThanOrEqual(3);
    const late = nodes[0].enter(CHANNEL, user("late"));
    await world.run(100);
    expect([late.view?.size, late.count > 0]).toEqual([0, true]);
    for (const member of members.splice(0, 8)) nodes[1].leave(member, false);
    await world.run(2000);
    const last = watcher.changes.at(-1);
    expect([last?.isCountOnly, last?.count, last?.joined.length]).toEqual([false, 8, 8]);
    expect([...(watcher.view?.keys() ?? [])].sort()).toEqual(world.truth(CHANNEL));
    expect([watcher, late].flatMap(({ breaches }) => breaches)).toEqual([]);
    world.close();
  });

  it("a storm of joins makes few messages and few tellings", async () => {
    const { world, nodes } = await start(2);
    const watcher = nodes[0].enter(CHANNEL, null);
    await world.run(100);
    for (let index = 0; index < 1000; index++) nodes[1].enter(CHANNEL, user(`u${index}`));
    await world.run(500);
    expect([watcher.count, watcher.breaches]).toEqual([1000, []]);
    expect(world.published).toBeLessThanOrEqual(10);
    expect(watcher.changes.length).toBeLessThanOrEqual(10);
    world.close();
  });

  it("many channels at once are learned with few questions", async () => {
    const { world, nodes } = await start(3);
    for (let index = 0; index < 700; index++) nodes[0].enter(`presence-${index}`, user("ann"));
    await world.run(500);
    const before = nodes[1].presence.counters.pulls;
    const late = Array.from({ length: 700 }, (_, index) => nodes[1].enter(`presence-${index}`, user("bob")));
    await world.run(500);
    expect(late.every(({ view }) => view?.size === 2)).toBe(true);
    expect(nodes[1].presence.counters.pulls - before).toBeLessThanOrEqual(4);
    world.close();
  });

  it("many channels with the longest names are learned over a link that takes no longer messages than any", async () => {
    const { world, nodes } = await start(2);
    const names = Array.from({ length: 400 }, (_, index) => `presence-${index}`.padEnd(200, "x"));
    for (const name of names) nodes[0].enter(name, user("ann"));
    await world.run(500);
    const late = names.map((name) => nodes[1].enter(name, user("bob")));
    await world.run(500);
    expect(late.filter(({ view }) => view?.size === 2).length).toBe(names.length);
    world.close();
  });

  it("a node that doesn't answer holds nobody up, and is asked until it does", async () => {
    const { world, nodes } = await start(2);
    nodes[1].enter(CHANNEL, user("ann"));
    await world.run(100);
    world.cluster.passes = (from, to) => from !== "n2" && to !== "n2";
    const watcher = nodes[0].enter(CHANNEL, null);
    await world.run(1200);
    const channel = watcher.channel;
    expect([watcher.view?.size, nodes[0].presence.rosterOf(channel).isComplete]).toEqual([0, false]);
    world.cluster.passes = () => true;
    await world.run(2500);
    expect([watcher.count, nodes[0].presence.rosterOf(channel).isComplete]).toEqual([1, true]);
    expect(watcher.breaches).toEqual([]);
    world.close();
  });

  it("whoever left while others had yet to answer isn't there once they have", async () => {
    const { world, nodes } = await start(3);
    const ann = nodes[1].enter(CHANNEL, user("ann"));
    await world.run(100);
    world.cluster.passes = (from, to) => from !== "n3" && to !== "n3";
    const watcher = nodes[0].enter(CHANNEL, null);
    await world.run(100);
    nodes[1].leave(ann, false);
    await world.run(1000);
    expect([[...(watcher.view ?? ["nobody told"])], watcher.changes, watcher.breaches]).toEqual([[], [], []]);
    world.close();
  });

  it("nothing is left of a channel whose interest the bus refused", async () => {
    const { world, nodes } = await start(1);
    world.refusesInterest = true;
    const channel = nodes[0].registry.acquire("1", CHANNEL);
    const entry = { channel, connection: 1, member: user("ann"), maxMembers: 0 };
    await expect(nodes[0].presence.enter(entry)).rejects.toThrow("away");
    nodes[0].presence.leave(entry, false);
    nodes[0].registry.release(channel);
    expect([nodes[0].presence.channels, nodes[0].registry.size]).toEqual([0, 0]);
    world.close();
  });

  it("nothing is left of channels that nobody is on", async () => {
    const { world, nodes } = await start(2);
    const clients = Array.from({ length: 20 }, (_, index) =>
      nodes[index % 2 === 0 ? 0 : 1].enter(`presence-${index}`, user("ann")),
    );
    await world.run(200);
    for (const [index, client] of clients.entries()) nodes[index % 2 === 0 ? 0 : 1].leave(client, index % 3 === 0);
    await world.run(5000);
    expect(
      nodes.slice(0, 2).map(({ presence, registry }) => [presence.members, presence.channels, registry.size]),
    ).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    world.close();
    expect(world.cluster.clock.pendingTimers).toBe(0);
  });
});

it("presence › nothing is kept of a channel whose user came back in time and then unsubscribed", async () => {
  const world = await PresenceWorld.start(1);
  const [node] = world.nodes as [PresenceNode];
  for (let index = 0; index < 20; index++) {
    const ann = node.enter(`presence-${index}`, user("ann"));
    await world.run(100);
    node.leave(ann, true);
    const back = node.enter(`presence-${index}`, user("ann"));
    await world.run(100);
    node.leave(back, false);
  }
  await world.run(5000);
  expect(node.presence.channels).toBe(0);
  expect(countOf(PresenceChannel)).toBe(0);
  world.close();
});

describe("presence › convergence", () => {
  const act = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("enter" as const),
        user: fc.nat({ max: 5 }),
        channel: fc.nat({ max: 1 }),
        node: fc.nat({ max: 3 }),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constantFrom("leave" as const, "break" as const),
        which: fc.nat(),
        node: fc.nat({ max: 3 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constantFrom("kill" as const, "cut" as const, "away" as const),
        node: fc.nat({ max: 3 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("lose" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("heal" as const, "add" as const) }) },
  );
  type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

  function heal(world: PresenceWorld): void {
    world.cluster.passes = () => true;
    for (const { base } of world.nodes) if (base.bus.status !== "connected") base.setBus("connected");
  }

  function lose(world: PresenceWorld, share: number): void {
    let random = 7;
    world.cluster.passes = () => {
      random = (random * 48_271) % 2_147_483_647;
      return random / 2_147_483_647 >= share;
    };
  }

  function breakNode(world: PresenceWorld, node: PresenceNode, kind: "kill" | "cut" | "away"): void {
    if (kind === "kill") {
      if (world.nodes.length <= 2) return;
      heal(world);
      world.kill(node);
      return;
    }
    world.cluster.passes = (from, to) => (from === node.nodeId) === (to === node.nodeId);
    if (kind === "away") node.base.setBus("disconnected");
  }

  async function perform(world: PresenceWorld, step: Act): Promise<void> {
    if (step.kind === "lose") return lose(world, step.share);
    if (!("node" in step)) {
      if (step.kind === "heal") heal(world);
      else if (world.nodes.length < 4) await world.add();
      return;
    }
    const node = world.nodes[step.node % world.nodes.length] as PresenceNode;
    if ("user" in step) {
      node.enter(`presence-${step.channel}`, user(`u${step.user}`, JSON.stringify(node.nodeId)));
      return;
    }
    if (!("which" in step)) return breakNode(world, node, step.kind);
    const subscriber = [...node.subscribers][step.which % Math.max(node.subscribers.size, 1)];
    if (subscriber !== undefined) node.leave(subscriber, step.kind === "break");
  }

  function assertAgreed(world: PresenceWorld): void {
    for (const { base, subscribers } of world.nodes) {
      expect(base.bugs).toEqual([]);
      for (const { channel, view, breaches } of subscribers) {
        expect(breaches).toEqual([]);
        expect([...(view?.keys() ?? [])].sort()).toEqual(world.truth(channel.channel));
      }
    }
  }

  it("whatever is lost, cut, frozen or killed: within ten seconds after it ended all agree, and every client's view is right", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(act, fc.constantFrom(0, 1, 20, 60, 300, 2500, 6000)), { maxLength: 40 }),
        async (steps) => {
          const world = await PresenceWorld.start(3);
          for (const [step, ms] of steps) {
            await perform(world, step);
            if (ms > 0) await world.run(ms);
          }
          heal(world);
          await world.run(10_000);
          assertAgreed(world);
          world.close();
          expect(world.cluster.clock.pendingTimers).toBe(0);
        },
      ),
      { numRuns: 150 },
    );
  }, 120_000);
});
