import { eventually } from "@carillon/testkit";
import { historyRules, testApp } from "@carillon/testkit/gateway";
import { describe, expect, it } from "vitest";
import { Pair } from "./support/client.ts";

const rules = historyRules("kept");
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

async function publish(pair: Pair, from: number, to: number): Promise<void> {
  for (const number of range(from, to)) await pair.gateway.publish("kept", "tick", number);
}

describe("recovery", () => {
  it("N49 › what was missed comes after the break, in order and once, and then what is live", async () => {
    await using pair = await Pair.start({ rules });
    const channel = pair.client.subscribe("kept");
    const seen: unknown[] = [];
    const told: unknown[] = [];
    channel.bind("tick", (number) => seen.push(number));
    channel.on("subscribed", ({ wasRecovered }) => told.push(wasRecovered));
    channel.on("gap", (gap) => told.push(gap));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    await publish(pair, 1, 3);
    await eventually(() => expect(seen).toHaveLength(3));
    await pair.interrupt(() => publish(pair, 4, 20));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    await publish(pair, 21, 22);
    await eventually(() => expect(seen).toHaveLength(22));
    expect(seen).toEqual(range(1, 22));
    expect(told).toEqual([false, true]);
  });

  it("N49 › breaks again and again: nothing is missed", async () => {
    await using pair = await Pair.start({ rules });
    const channel = pair.client.subscribe("kept");
    const seen: unknown[] = [];
    channel.bind("tick", (number) => seen.push(number));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    for (let round = 0; round < 8; round++) {
      await publish(pair, round * 10 + 1, round * 10 + 5);
      await pair.interrupt(() => publish(pair, round * 10 + 6, round * 10 + 10));
    }
    await eventually(() => expect(seen).toHaveLength(80));
    expect(seen).toEqual(range(1, 80));
  });

  it.each(["kept", "news"])(
    "N49 › given up and wanted again within one turn while the connection is away, as by another page that is shown: %s misses nothing silently",
    async (name) => {
      await using pair = await Pair.start({ rules });
      const { client, gateway } = pair;
      const first = client.hold(name);
      const { channel } = first;
      const seen: unknown[] = [];
      channel.bind("tick", (number) => seen.push(number));
      channel.on("gap", ({ reason }) => seen.push(reason));
      await eventually(() => expect(channel.state.status).toBe("subscribed"));
      await gateway.publish(name, "tick", 1);
      await eventually(() => expect(seen).toEqual([1]));
      await pair.interrupt(async () => {
        await gateway.publish(name, "tick", 2);
        first.release();
        client.hold(name);
        expect(channel.state.status).toBe("subscribing");
      });
      await eventually(() => expect(channel.state.status).toBe("subscribed"));
      await gateway.publish(name, "tick", 3);
      await eventually(() => expect(seen).toEqual([1, name === "kept" ? 2 : "no_history", 3]));
    },
  );

  it("N50 › too much was missed: the application is told to get its state anew", async () => {
    await using pair = await Pair.start({ rules: historyRules("kept", { messages: 5 }) });
    const channel = pair.client.subscribe("kept");
    const gaps: unknown[] = [];
    const seen: unknown[] = [];
    channel.bind("tick", (number) => seen.push(number));
    channel.on("gap", (gap) => gaps.push(gap));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    await publish(pair, 1, 1);
    await eventually(() => expect(seen).toEqual([1]));
    await pair.interrupt(() => publish(pair, 2, 20));
    await eventually(() => expect(gaps).toEqual([{ reason: "too_old" }]));
    await publish(pair, 21, 21);
    await eventually(() => expect(seen).toEqual([1, 21]));
    await pair.interrupt(() => publish(pair, 22, 23));
    await eventually(() => expect(seen).toEqual([1, 21, 22, 23]));
  });

  it.each(["rewind", "since"])("N52 › how to begin is said by the first that says it: %s", async (how) => {
    await using pair = await Pair.start({ rules });
    await publish(pair, 1, 7);
    const { position } = await pair.client.subscribe("kept").history();
    pair.client.unsubscribe("kept");
    await publish(pair, 8, 10);
    pair.client.close();
    // None is subscribed to yet: they come while there is no connection.
    const { channel } = pair.client.hold("kept");
    pair.client.subscribe("kept", how === "since" ? { since: position ?? "" } : { rewind: 3 });
    pair.client.hold("kept");
    pair.client.hold("kept", { rewind: 9 });
    const seen: unknown[] = [];
    channel.bind("tick", (number) => seen.push(number));
    pair.client.connect();
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    pair.client.hold("kept", { rewind: 9 });
    await publish(pair, 11, 11);
    await eventually(() => expect(seen).toEqual([8, 9, 10, 11]));
  });

  it("N52 › a rewind is for the first subscribe; after a break it is recovered", async () => {
    await using pair = await Pair.start({ rules });
    await publish(pair, 1, 10);
    const channel = pair.client.subscribe("kept", { rewind: 3 });
    const seen: unknown[] = [];
    channel.bind("tick", (number) => seen.push(number));
    await eventually(() => expect(seen).toEqual([8, 9, 10]));
    await pair.interrupt(() => publish(pair, 11, 11));
    await eventually(() => expect(seen).toEqual([8, 9, 10, 11]));
  });

  it.each(["N49 missed", "N52 rewound", "N61 cached"] as const)(
    "%s › the link breaks between the answer to a subscribe and the first of its events: they come once it is whole",
    async (what) => {
      const isCache = what === "N61 cached";
      const rule = { history: { messages: 100, maxAgeMs: 3_600_000 }, isCache, presenceListUpTo: 1000 };
      // Enough for the answer, and not for an event.
      let leftBytes = 5_000;
      await using pair = await Pair.start({ rules: { ruleOf: () => rule } }, {}, { breakAfter: () => leftBytes });
      const { client, gateway } = pair;
      const { position } = await gateway.publish("kept", "tick", { number: 0 });
      const text = "x".repeat(20_000);
      for (const number of [1, 2, 3]) await gateway.publish("kept", "tick", { number, text });
      const since = `${position?.epoch}:${position?.offset}`;
      const channel = client.subscribe("kept", what === "N49 missed" ? { since } : isCache ? {} : { rewind: 3 });
      const seen: unknown[] = [];
      let answers = 0;
      channel.bind("tick", ({ number }) => seen.push(number));
      channel.on("gap", (gap) => seen.push(gap));
      channel.on("subscribed", () => {
        answers++;
        leftBytes = 1_000_000;
      });
      await eventually(() => expect(answers).toBe(2));
      await gateway.publish("kept", "tick", { number: 4 });
      await eventually(() => expect(seen).toEqual(isCache ? [3, 4] : [1, 2, 3, 4]));
    },
  );

  it("N35 › who subscribes anew begins anew, where the unsubscribe is refused at first too", async () => {
    await using pair = await Pair.start({ rules, apps: [testApp({ limits: { commandsPerSecond: 5 } })] });
    const { client } = pair;
    const before = client.subscribe("kept");
    await eventually(() => expect(before.state.status).toBe("subscribed"));
    await publish(pair, 1, 3);
    await Promise.allSettled(range(1, 15).map(() => before.history()));
    client.unsubscribe("kept");
    const channel = client.subscribe("kept", { rewind: 2 });
    const seen: unknown[] = [];
    channel.bind("tick", (number) => seen.push(number));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    await publish(pair, 4, 4);
    await eventually(() => expect(seen).toContain(4));
    expect(seen).toEqual([2, 3, 4]);
  });

  describe("where answers come later than they are waited for", () => {
    const options = { commandTimeoutMs: 100 };

    it("N49 › what is recovered comes once, and no gap is told", async () => {
      await using pair = await Pair.start({ rules }, options);
      const { client, link } = pair;
      await publish(pair, 0, 3);
      client.subscribe("kept");
      const { events } = await client.channel("kept").history({ limit: 1 });
      client.unsubscribe("kept");
      await eventually(() => expect(pair.gateway.gateway.subscriptions).toBe(0));
      // What is answered has what came before it.
      await expect(client.channel("kept").history()).rejects.toMatchObject({ code: "forbidden" });
      const seen: unknown[] = [];
      link.freeze();
      const channel = client.subscribe("kept", { since: events[0]?.position });
      channel.bind("tick", (number) => seen.push(number));
      channel.on("gap", (gap) => seen.push(gap));
      const errors: string[] = [];
      channel.on("error", ({ code }) => errors.push(code));
      await eventually(() => expect(errors).toEqual(["timeout"]));
      link.heal();
      await eventually(() => expect(channel.state.status).toBe("subscribed"));
      await publish(pair, 4, 4);
      await eventually(() => expect(seen).toContain(4));
      expect(seen).toEqual([1, 2, 3, 4]);
    });

    it("N52 › who subscribes anew hears nothing of the subscription of before", async () => {
      await using pair = await Pair.start({ rules }, options);
      const { client, link } = pair;
      const before = client.subscribe("kept");
      await eventually(() => expect(before.state.status).toBe("subscribed"));
      link.freeze();
      await publish(pair, 1, 2);
      client.unsubscribe("kept");
      const channel = client.subscribe("kept", { rewind: 1 });
      const seen: unknown[] = [];
      channel.bind("tick", (number) => seen.push(number));
      await expect(channel.history()).rejects.toMatchObject({ code: "timeout" });
      link.heal();
      await eventually(() => expect(channel.state.status).toBe("subscribed"));
      await publish(pair, 3, 3);
      await eventually(() => expect(seen).toContain(3));
      expect(seen).toEqual([2, 3]);
    });
  });

  it("since › begins behind a position that somebody else has kept", async () => {
    await using pair = await Pair.start({ rules });
    await publish(pair, 1, 5);
    const { events } = await pair.client.subscribe("kept").history({ limit: 2 });
    pair.client.unsubscribe("kept");
    const channel = pair.client.subscribe("kept", { since: events[1]?.position ?? "" });
    const seen: unknown[] = [];
    channel.bind("tick", (number) => seen.push(number));
    await eventually(() => expect(seen).toEqual([3, 4, 5]));
  });

  it("a channel that was unsubscribed begins anew, and is sent nothing of the past", async () => {
    await using pair = await Pair.start({ rules });
    const { client } = pair;
    const first = client.subscribe("kept");
    await eventually(() => expect(first.state.status).toBe("subscribed"));
    client.unsubscribe("kept");
    await publish(pair, 1, 2);
    const channel = client.subscribe("kept");
    const seen: unknown[] = [];
    channel.bind("tick", (number) => seen.push(number));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    await publish(pair, 3, 3);
    await eventually(() => expect(seen).toEqual([3]));
  });
});

describe("history", () => {
  it("N54 › is read in pages, both ways", async () => {
    await using pair = await Pair.start({ rules });
    await publish(pair, 1, 5);
    const channel = pair.client.subscribe("kept");
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    const first = await channel.history({ limit: 3 });
    expect(first).toMatchObject({ hasMore: true, position: expect.any(String) });
    expect(first.events.map(({ payload }) => payload)).toEqual([1, 2, 3]);
    expect(first.events[0]).toMatchObject({ event: "tick", timeMs: expect.any(Number) });
    const since = first.events.at(-1)?.position ?? "";
    const rest = await channel.history({ since });
    expect(rest).toMatchObject({ hasMore: false, isComplete: true });
    expect(rest.events.map(({ payload }) => payload)).toEqual([4, 5]);
    const newest = await channel.history({ direction: "backward", limit: 2 });
    expect(newest.events.map(({ payload }) => payload)).toEqual([5, 4]);
  });

  it("N55 › what may not be read is refused", async () => {
    await using pair = await Pair.start({ rules });
    await expect(pair.client.channel("kept").history()).rejects.toMatchObject({ code: "forbidden" });
  });
});
