import { type ConnectionState, RealtimeClient } from "@carillon/client";
import { eventually } from "@carillon/testkit";
import { testApp } from "@carillon/testkit/gateway";
import { describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { Pair } from "./support/client.ts";

/** Keeps the states of a client. */
function record(client: RealtimeClient): ConnectionState[] {
  const states: ConnectionState[] = [];
  client.on("state", (state) => states.push(state));
  return states;
}

const statusesOf = (states: readonly ConnectionState[]) => states.map(({ status }) => status);

describe("connecting", () => {
  it("begins at the first subscribe, and tells each state", async () => {
    await using pair = await Pair.start();
    const { client } = pair;
    expect(client.state).toEqual({ status: "idle" });
    const states = record(client);
    client.subscribe("news");
    expect(client.state).toEqual({ status: "connecting", attempt: 0 });
    await eventually(() => expect(client.state.status).toBe("connected"));
    expect(statusesOf(states)).toEqual(["connecting", "connected"]);
    expect(client.state).toMatchObject({ transport: "websocket", connectionId: expect.stringMatching(/^\d+\.\d+$/) });
  });

  it("waits for connect() where autoConnect is off", async () => {
    await using pair = await Pair.start({}, { autoConnect: false });
    const { client } = pair;
    client.subscribe("news");
    expect(client.state.status).toBe("idle");
    client.connect();
    await eventually(() => expect(client.channel("news").state.status).toBe("subscribed"));
  });

  it("comes back by itself after a break, with its channels", async () => {
    await using pair = await Pair.start();
    const { client } = pair;
    const channel = client.subscribe("news");
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    const states = record(client);
    await pair.interrupt();
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    expect(statusesOf(states)).toEqual(expect.arrayContaining(["waiting", "connecting", "connected"]));
    expect(states[0]).toMatchObject({ status: "waiting", reason: { code: "connection_lost", closeCode: 1006 } });
  });

  it("notices a link that carries nothing any more", async () => {
    await using pair = await Pair.start({}, { pingAfterMs: 50, pongTimeoutMs: 100 });
    const { client } = pair;
    client.connect();
    await eventually(() => expect(client.state.status).toBe("connected"));
    const states = record(client);
    pair.link.freeze();
    await eventually(() => expect(states).not.toEqual([]));
    expect(states[0]).toMatchObject({ status: "waiting", reason: { message: "the server gave no sign of life" } });
    pair.link.heal();
    await eventually(() => expect(client.state.status).toBe("connected"));
  });

  it("notices it all the same where the machine's clock is set back", async () => {
    await using pair = await Pair.start({}, { pingAfterMs: 50, pongTimeoutMs: 100 });
    const { client } = pair;
    client.connect();
    await eventually(() => expect(client.state.status).toBe("connected"));
    const now = Date.now.bind(Date);
    const clock = vi.spyOn(Date, "now").mockImplementation(() => now() - 3 * 3_600_000);
    try {
      pair.link.freeze();
      await eventually(() => expect(client.state.status).not.toBe("connected"));
    } finally {
      clock.mockRestore();
    }
  });

  it("a quiet connection lives on by its pings", async () => {
    await using pair = await Pair.start({}, { pingAfterMs: 20, pongTimeoutMs: 2000 });
    const { client, gateway } = pair;
    client.connect();
    await eventually(() => expect(client.state.status).toBe("connected"));
    const states = record(client);
    const before = gateway.counters.framesIn;
    await eventually(() => expect(gateway.counters.framesIn - before).toBeGreaterThan(3));
    expect(states).toEqual([]);
  });

  it("gives up an attempt that takes too long, and tries again", async () => {
    await using pair = await Pair.start({}, { connectTimeoutMs: 100 });
    pair.link.freeze();
    const states = record(pair.client);
    pair.client.connect();
    await eventually(() => expect(statusesOf(states)).toEqual(expect.arrayContaining(["waiting"])));
    expect(states.at(1)).toMatchObject({ status: "waiting", reason: { code: "timeout" } });
    pair.link.heal();
    await eventually(() => expect(pair.client.state.status).toBe("connected"));
  });

  it("N39 › a code of the 4000s is final, and says why", async () => {
    await using pair = await Pair.start({}, { key: "no-such-key" });
    const { client } = pair;
    client.connect();
    await eventually(() => expect(client.state.status).toBe("closed"));
    expect(client.state).toMatchObject({ reason: { code: "app_unknown", closeCode: 4001 } });
    await expect(client.channel("news").history()).rejects.toMatchObject({ code: "closed", isRetryable: false });
  });

  it("N40 › a gateway that drains is left at once, after the delay that it asks for", async () => {
    await using pair = await Pair.start();
    const { client, gateway } = pair;
    client.connect();
    await eventually(() => expect(client.state.status).toBe("connected"));
    const states = record(client);
    void gateway.gateway.drain(0);
    await eventually(() => expect(states[0]).toMatchObject({ status: "waiting", reason: { closeCode: 4200 } }));
    const [waiting] = states;
    if (waiting?.status !== "waiting") throw new Error("unreachable");
    expect(waiting.retryAtMs - Date.now()).toBeLessThanOrEqual(1000);
  });

  it("states() gives the newest state, and ends with the client", async () => {
    await using pair = await Pair.start();
    const { client } = pair;
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { status } of client.states()) seen.push(status);
    })();
    client.connect();
    await eventually(() => expect(seen.at(-1)).toBe("connected"));
    client.close();
    await reading;
    expect(seen[0]).toBe("idle");
    expect(seen.at(-1)).toBe("closed");
  });

  it("`await using` closes it", async () => {
    await using pair = await Pair.start();
    {
      await using client = pair.client;
      client.connect();
      await eventually(() => expect(client.state.status).toBe("connected"));
    }
    expect(pair.client.state).toMatchObject({ status: "closed", reason: { code: "closed" } });
    await eventually(() => expect(pair.gateway.gateway.connectionsByApp.size).toBe(0));
  });

  it("after close() it can be connected again, with its channels", async () => {
    await using pair = await Pair.start();
    const { client } = pair;
    const channel = client.subscribe("news");
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    client.close();
    expect(channel.state.status).toBe("subscribing");
    client.connect();
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
  });
});

describe("a connection that ended for good", () => {
  it("is told by the channels that wait for it, which wait on after connect()", async () => {
    await using pair = await Pair.start({ apps: [testApp({ enabled: false })] });
    const { client, gateway } = pair;
    const states: string[] = [];
    const channel = client.subscribe("news");
    channel.on("state", ({ status }) => states.push(status));
    await eventually(() => expect(client.state.status).toBe("closed"));
    const failed = { status: "failed", error: { code: "app_disabled", isRetryable: false } };
    expect(channel.state).toMatchObject(failed);
    expect(client.subscribe("later").state).toMatchObject(failed);
    gateway.apps.reload([testApp()]);
    client.connect();
    expect(channel.state.status).toBe("subscribing");
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    await eventually(() => expect(client.channel("later").state.status).toBe("subscribed"));
    expect(states).toEqual(["failed", "subscribing", "subscribed"]);
  });
});

describe("a connection that ended for good, and its errors", () => {
  it("is an error of the client; where nobody listens it is on the console, once, but not when the application ends it", async () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    try {
      await using pair = await Pair.start({}, { key: "no-such-key" });
      const { client } = pair;
      client.subscribe("news");
      await eventually(() => expect(client.state.status).toBe("closed"));
      expect(warned.mock.calls).toEqual([["app_unknown", expect.any(String)]]);
      const errors: string[] = [];
      client.on("error", ({ code }) => errors.push(code));
      client.connect();
      await eventually(() => expect(errors).toEqual(["app_unknown"]));
      client.connect();
      client.close();
      expect(errors).toEqual(["app_unknown"]);
      expect(warned).toHaveBeenCalledTimes(1);
    } finally {
      warned.mockRestore();
    }
  });
});

describe("options", () => {
  it("says what to change", () => {
    const options = { WebSocket: class {} as never };
    expect(() => new RealtimeClient("", { host: "ws://localhost", ...options })).toThrow("key must be");
    expect(() => new RealtimeClient("key", { host: "localhost:8080", ...options })).toThrow(
      "host must be an origin such as wss://realtime.example.com",
    );
  });

  it.each(["", "/", "/ws", "/ws/"])("a host may end in what a gateway shows: %j", async (end) => {
    await using pair = await Pair.start();
    await using client = new RealtimeClient("app-key", {
      host: `${pair.gateway.url}${end}`,
      WebSocket: WebSocket as never,
    });
    client.connect();
    await eventually(() => expect(client.state.status).toBe("connected"));
  });

  it("where there is no WebSocket a client can be made, and says what to do when it is to connect", async () => {
    const { WebSocket } = globalThis;
    try {
      Reflect.deleteProperty(globalThis, "WebSocket");
      const client = new RealtimeClient("key", { host: "ws://localhost", transports: ["websocket"] });
      client.subscribe("news");
      await eventually(() =>
        expect(client.state).toMatchObject({ status: "closed", reason: { code: "no_transport" } }),
      );
    } finally {
      if (WebSocket !== undefined) globalThis.WebSocket = WebSocket;
    }
  });

  it("an app that is off keeps clients away, and tells them", async () => {
    await using pair = await Pair.start({ apps: [testApp({ enabled: false })] });
    pair.client.connect();
    await eventually(() => expect(pair.client.state).toMatchObject({ reason: { code: "app_disabled" } }));
  });
});
