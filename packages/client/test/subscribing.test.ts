import { CarillonError, type Channel } from "@carillon/client";
import { eventually } from "@carillon/testkit";
import { testApp } from "@carillon/testkit/gateway";
import { describe, expect, it, vi } from "vitest";
import { Pair } from "./support/client.ts";

describe("events", () => {
  it("reach those who have bound to their name, with where they come from", async () => {
    await using pair = await Pair.start();
    const channel = pair.client.subscribe("orders");
    const created: unknown[] = [];
    const all: unknown[] = [];
    channel.bind("created", (order, meta) => created.push([order, meta]));
    channel.bindAll((event, payload) => all.push([event, payload]));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    await pair.gateway.publish("orders", "created", { id: 1 });
    await pair.gateway.publish("orders", "deleted", { id: 2 });
    await eventually(() => expect(all).toHaveLength(2));
    expect(created).toEqual([[{ id: 1 }, { channel: "orders", event: "created" }]]);
    expect(all[1]).toEqual(["deleted", { id: 2 }]);
  });

  it("unbind ends one listener, one event, or all", async () => {
    await using pair = await Pair.start();
    const channel = pair.client.subscribe("orders");
    const seen: string[] = [];
    const first = () => seen.push("first");
    const second = () => seen.push("second");
    channel.bind("a", first).bind("a", second).bind("b", first);
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    channel.unbind("a", first);
    await pair.gateway.publish("orders", "a", 1);
    await pair.gateway.publish("orders", "b", 1);
    await eventually(() => expect(seen).toEqual(["second", "first"]));
    channel.unbind();
    let isLast = false;
    channel.bind("c", () => {
      isLast = true;
    });
    await pair.gateway.publish("orders", "a", 1);
    await pair.gateway.publish("orders", "c", 1);
    await eventually(() => expect(isLast).toBe(true));
    expect(seen).toEqual(["second", "first"]);
  });

  it("a listener that ends others while an event is delivered ends them for this event, too", async () => {
    await using pair = await Pair.start();
    const { client } = pair;
    const channel = client.subscribe("orders");
    const seen: string[] = [];
    channel.bind("a", () => {
      seen.push("first");
      channel.unbind("a", second);
    });
    const second = () => seen.push("second");
    channel.bind("a", second).bind("a", () => client.unsubscribe("orders"));
    channel.bindAll(() => seen.push("any"));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    await pair.gateway.publish("orders", "a", 1);
    await eventually(() => expect(channel.state.status).toBe("detached"));
    expect(seen).toEqual(["first"]);
  });

  it("N33 › a client that was away from a channel without history is told that it may have missed some", async () => {
    await using pair = await Pair.start();
    const channel = pair.client.subscribe("orders");
    const gaps: unknown[] = [];
    channel.on("gap", (gap) => gaps.push(gap));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    expect(gaps).toEqual([]);
    await pair.interrupt();
    await eventually(() => expect(gaps).toEqual([{ reason: "no_history" }]));
  });
});

describe("subscribing", () => {
  it("answers the same channel each time, and unsubscribes once for all", async () => {
    await using pair = await Pair.start();
    const { client, gateway } = pair;
    const channel = client.subscribe("orders");
    expect(client.subscribe("orders")).toBe(channel);
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    expect(gateway.gateway.subscriptions).toBe(1);
    client.unsubscribe("orders");
    expect(channel.state.status).toBe("detached");
    await eventually(() => expect(gateway.gateway.subscriptions).toBe(0));
  });

  it("what is wanted and given up within one turn causes nothing", async () => {
    await using pair = await Pair.start();
    const { client, gateway } = pair;
    client.connect();
    await eventually(() => expect(client.state.status).toBe("connected"));
    const before = gateway.counters.framesIn;
    client.subscribe("orders");
    client.unsubscribe("orders");
    const channel = client.subscribe("orders");
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    expect(gateway.counters.framesIn - before).toBe(1);
  });

  it("one that stands, given up and wanted again within one turn, misses nothing, and nobody is asked", async () => {
    await using pair = await Pair.start();
    const { client, gateway } = pair;
    const first = client.hold("orders");
    await eventually(() => expect(first.channel.state.status).toBe("subscribed"));
    const seen: unknown[] = [];
    first.channel.bind("tick", (number) => seen.push(number));
    const before = gateway.counters.framesIn;
    for (let number = 1; number <= 5; number++) {
      first.release();
      const next = client.hold("orders");
      expect(next.channel).toBe(first.channel);
      expect(next.channel.state.status).toBe("subscribed");
      Object.assign(first, next);
      await gateway.publish("orders", "tick", number);
    }
    await eventually(() => expect(seen).toEqual([1, 2, 3, 4, 5]));
    expect(gateway.counters.framesIn).toBe(before);
  });

  it("several that stand, given up with one of them wanted again behind another channel, as in a list that moves: it misses nothing", async () => {
    await using pair = await Pair.start();
    const { client, gateway } = pair;
    const [first, last] = [client.hold("first"), client.hold("last")];
    const seen: unknown[] = [];
    first.channel.bind("tick", (number) => seen.push(number));
    await eventually(() =>
      expect([first, last].map(({ channel }) => channel.state.status)).toEqual(["subscribed", "subscribed"]),
    );
    first.release();
    last.release();
    client.hold("newest");
    const { channel } = client.hold("first");
    expect(channel.state.status).toBe("subscribed");
    await gateway.publish("first", "tick", 1);
    await eventually(() => expect(seen).toEqual([1]));
    await eventually(() => expect(client.channel("newest").state.status).toBe("subscribed"));
    expect(gateway.gateway.subscriptions).toBe(2);
  });

  it("a channel that is given up and wanted again while the first wish is under way ends subscribed, once", async () => {
    await using pair = await Pair.start();
    const { client, gateway } = pair;
    client.connect();
    await eventually(() => expect(client.state.status).toBe("connected"));
    for (let round = 0; round < 20; round++) {
      client.subscribe("orders");
      await Promise.resolve();
      client.unsubscribe("orders");
      await Promise.resolve();
    }
    const channel = client.subscribe("orders");
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    const seen: unknown[] = [];
    channel.bind("tick", (number) => seen.push(number));
    await gateway.publish("orders", "tick", 1);
    await eventually(() => expect(seen).toEqual([1]));
    expect(gateway.gateway.subscriptions).toBe(1);
  });

  it("several hundred channels go in few commands", async () => {
    await using pair = await Pair.start({ apps: [testApp({ limits: { channelsPerConnection: 1000 } })] });
    const { client, gateway } = pair;
    client.connect();
    await eventually(() => expect(client.state.status).toBe("connected"));
    const before = gateway.counters.framesIn;
    const channels = Array.from({ length: 250 }, (_, index) => client.subscribe(`channel-${index}`));
    await eventually(() => expect(channels.every(({ state }) => state.status === "subscribed")).toBe(true));
    expect(gateway.counters.framesIn - before).toBe(3);
  });

  it("what the server refuses is told by the channel, the others stand", async () => {
    await using pair = await Pair.start();
    const [guarded, good] = ["private-a", "good"].map((name) => pair.client.subscribe(name));
    await eventually(() => expect(good?.state.status).toBe("subscribed"));
    await eventually(() =>
      expect(guarded?.state).toMatchObject({ status: "failed", error: { code: "token_required" } }),
    );
    expect(() => pair.client.subscribe("no such name")).toThrow('"no such name" is no channel');
  });

  it("N13 › one that is malformed, for which the server refuses a whole command, takes none of the others with it", async () => {
    await using pair = await Pair.start();
    const good = Array.from({ length: 40 }, (_, index) => pair.client.subscribe(`good-${index}`));
    const bad = pair.client.subscribe("bad", { rewind: 5000 });
    const more = pair.client.subscribe("more");
    await eventually(() => expect(bad.state).toMatchObject({ status: "failed", error: { code: "invalid_field" } }));
    await eventually(() => expect([...good, more].every(({ state }) => state.status === "subscribed")).toBe(true));
  });

  it("a refusal that nobody listens for is on the console, once", async () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    try {
      await using pair = await Pair.start();
      const errors: unknown[] = [];
      const heard = pair.client.subscribe("private-heard");
      heard.on("error", ({ code }) => errors.push(code));
      const unheard = pair.client.subscribe("private-unheard");
      await eventually(() => expect(unheard.state.status).toBe("failed"));
      await eventually(() => expect(errors).toEqual(["token_required"]));
      expect(warned.mock.calls).toEqual([["token_required", expect.any(String)]]);
    } finally {
      warned.mockRestore();
    }
  });

  it("N35 › those that the server refused for their rate are asked for again together", async () => {
    await using pair = await Pair.start({ apps: [testApp({ limits: { commandsPerSecond: 10 } })] });
    const { client, gateway } = pair;
    client.connect();
    await eventually(() => expect(client.state.status).toBe("connected"));
    const framesBefore = gateway.counters.framesIn;
    const channels: Channel[] = [];
    // Each in a turn of its own, as components do that are shown one after the other.
    for (let index = 0; index < 80; index++) {
      channels.push(client.subscribe(`row-${index}`));
      await Promise.resolve();
    }
    await eventually(() => expect(channels.every(({ state }) => state.status === "subscribed")).toBe(true));
    // One for each of them, and some for all that were refused.
    expect(gateway.counters.framesIn - framesBefore).toBeLessThan(80 + 10);
    expect(gateway.counters.refusals.get("rate_limited")).toBeGreaterThan(10);
  });

  it("held by several, a channel lives until the last lets go", async () => {
    await using pair = await Pair.start();
    const { client, gateway } = pair;
    const [first, second] = [client.hold("orders"), client.hold("orders")];
    expect(first.channel).toBe(second.channel);
    await eventually(() => expect(first.channel.state.status).toBe("subscribed"));
    first.release();
    first.release();
    expect(first.channel.state.status).toBe("subscribed");
    second.release();
    expect(first.channel.state.status).toBe("detached");
    await eventually(() => expect(gateway.gateway.subscriptions).toBe(0));
  });
});

describe("unsubscribing", () => {
  it("forgets the listeners, but not those of others who hold the channel", async () => {
    await using pair = await Pair.start();
    const { client, gateway } = pair;
    const seen: unknown[] = [];
    const alone = client.subscribe("alone").bind("tick", (number) => seen.push(`alone ${number}`));
    alone.bindAll((event) => seen.push(event));
    alone.on("state", ({ status }) => seen.push(`alone ${status}`));
    alone.presence.on("change", () => seen.push("alone change"));
    const hold = client.hold("shared");
    hold.channel.bind("tick", (number) => seen.push(`shared ${number}`));
    client.subscribe("shared");
    await eventually(() => expect(hold.channel.state.status).toBe("subscribed"));
    hold.channel.on("state", ({ status }) => seen.push(`shared ${status}`));
    seen.length = 0;
    client.unsubscribe("alone");
    client.unsubscribe("shared");
    client.subscribe("alone");
    await eventually(() => expect(alone.state.status).toBe("subscribed"));
    await gateway.publish("alone", "tick", 1);
    await gateway.publish("shared", "tick", 2);
    // The last that the listeners of the one hear is that it is over.
    await eventually(() => expect(seen).toEqual(["alone detached", "shared 2"]));
  });
});

describe("unsubscribing, where the server refuses it", () => {
  it("N35 › from more channels one by one than commands are allowed, as by a list that is scrolled through, leaves none at the server", async () => {
    await using pair = await Pair.start({ apps: [testApp({ limits: { commandsPerSecond: 20 } })] });
    const { client, gateway } = pair;
    const names = Array.from({ length: 60 }, (_, index) => `row-${index}`);
    const channels = names.map((name) => client.subscribe(name));
    await eventually(() => expect(channels.every(({ state }) => state.status === "subscribed")).toBe(true));
    for (const name of names) {
      client.unsubscribe(name);
      await Promise.resolve();
    }
    await eventually(() => expect(gateway.counters.refusals.get("rate_limited")).toBeGreaterThan(10));
    await eventually(() => expect(gateway.gateway.subscriptions).toBe(0));
    expect(client.state.status).toBe("connected");
  });
});

describe("guarded channels", () => {
  it("N17 › are asked for with the token of the application, a new one on each connection", async () => {
    const asked: string[] = [];
    await using pair = await Pair.start(
      {},
      {
        authorizeChannel: async ({ channel, socketId }) => {
          asked.push(socketId);
          return pair.gateway.channelToken(socketId, channel);
        },
      },
    );
    const channel = pair.client.subscribe("private-user-1");
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    await pair.interrupt();
    await eventually(() => expect(asked).toHaveLength(2));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    expect(new Set(asked).size).toBe(2);
  });

  it("a refusal of the application is final, a failure is tried again", async () => {
    let isAway = true;
    const errors: CarillonError[] = [];
    await using pair = await Pair.start(
      {},
      {
        authorizeChannel: async ({ channel, socketId }) => {
          if (channel === "private-no") throw new CarillonError("auth_failed", "not yours");
          if (isAway) throw new TypeError("fetch failed");
          return { token: pair.gateway.channelToken(socketId, channel) };
        },
      },
    );
    const [no, later] = ["private-no", "private-later"].map((name) => pair.client.subscribe(name));
    later?.on("error", (error) => errors.push(error));
    await eventually(() => expect(no?.state).toMatchObject({ status: "failed", error: { message: "not yours" } }));
    await eventually(() => expect(errors.length).toBeGreaterThan(1));
    expect(errors[0]).toMatchObject({ code: "auth_failed", isRetryable: true });
    isAway = false;
    await eventually(() => expect(later?.state.status).toBe("subscribed"));
  });

  it("N34 › a hundred whose tokens make a frame too long go in several", async () => {
    const info = { about: "x".repeat(900) };
    await using pair: Pair = await Pair.start(
      {},
      {
        authorizeChannel: async ({ channel, socketId }) => {
          const data = JSON.stringify({ user_id: "ann", user_info: info });
          return `${pair.gateway.channelToken(socketId, channel, data)}:${data}`;
        },
      },
    );
    const channels = Array.from({ length: 100 }, (_, index) => pair.client.subscribe(`presence-${index}`));
    await eventually(() => expect(channels.every(({ state }) => state.status === "subscribed")).toBe(true));
  });

  it("fifty of them are tokened beside each other and subscribed to with few commands", async () => {
    await using pair = await Pair.start(
      {},
      { authorizeChannel: async ({ channel, socketId }) => pair.gateway.channelToken(socketId, channel) },
    );
    const { client, gateway } = pair;
    client.connect();
    await eventually(() => expect(client.state.status).toBe("connected"));
    const before = gateway.counters.framesIn;
    const channels = Array.from({ length: 50 }, (_, index) => client.subscribe(`private-${index}`));
    await eventually(() => expect(channels.every(({ state }) => state.status === "subscribed")).toBe(true));
    expect(gateway.counters.framesIn - before).toBeLessThan(10);
  });
});
