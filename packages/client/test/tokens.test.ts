import { eventually, FakeClock } from "@carillon/testkit";
import { testApp } from "@carillon/testkit/gateway";
import { describe, expect, it, vi } from "vitest";
import { Pair } from "./support/client.ts";

const app = testApp({ token: { isRequired: true, publicKeys: [], jwksUrl: null, issuer: null, audience: null } });
const capabilities = { "user-*": ["subscribe"] } as const;

describe("connection tokens", () => {
  it("N24 › are shown before anything else, on each connection", async () => {
    let tokens = 0;
    await using pair: Pair = await Pair.start(
      { apps: [app] },
      {
        getToken: () => {
          tokens++;
          return pair.gateway.connectionToken({ sub: "ann", capabilities, ttlSeconds: 300 });
        },
      },
    );
    const channel = pair.client.subscribe("user-ann");
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    await pair.interrupt();
    await eventually(() => expect(tokens).toBe(2));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
  });

  it("N26 › are replaced before they expire, so that the connection goes on", async () => {
    let tokens = 0;
    await using pair: Pair = await Pair.start(
      { apps: [app] },
      {
        getToken: () => {
          tokens++;
          return pair.gateway.connectionToken({ sub: "ann", capabilities, ttlSeconds: 2 });
        },
      },
    );
    const channel = pair.client.subscribe("user-ann");
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    const states: string[] = [];
    pair.client.on("state", ({ status }) => states.push(status));
    await eventually(() => expect(tokens).toBeGreaterThan(2), { timeoutMs: 20_000 });
    expect(states).toEqual([]);
  });

  it.each([-3_600_000, 3_600_000])(
    "N24 › are replaced in time, and not in a loop, where the server's clock and the client's differ by %d ms",
    async (offMs) => {
      const clock = new FakeClock(Date.now() + offMs);
      let tokens = 0;
      await using pair: Pair = await Pair.start(
        { apps: [app], clock },
        {
          getToken: () => {
            tokens++;
            // With the five seconds that clocks may be off, it is good for four.
            return pair.gateway.connectionToken({ sub: "ann", capabilities, ttlSeconds: -1, nowMs: clock.now() });
          },
        },
      );
      pair.client.connect();
      await eventually(() => expect(tokens).toBe(1));
      const shownAtMs = performance.now();
      await eventually(() => expect(tokens).toBe(3), { timeoutMs: 20_000 });
      expect(performance.now() - shownAtMs).toBeGreaterThan(4_000);
      expect(pair.client.state.status).toBe("connected");
    },
  );

  it("one that takes its time is no reason to give WebSockets up; one that never comes ends the attempt", async () => {
    let tokens = 0;
    const delaysMs = [600];
    const getToken = () =>
      new Promise<null>((resolve) => {
        const delayMs = delaysMs[tokens++];
        if (delayMs !== undefined) setTimeout(() => resolve(null), delayMs);
      });
    await using pair = await Pair.start({}, { connectTimeoutMs: 1000, getToken });
    const { client } = pair;
    client.connect();
    await eventually(() => expect(client.state).toMatchObject({ status: "connected", transport: "websocket" }));
    expect(tokens).toBe(1);
    client.close();
    client.connect();
    await eventually(() => expect(client.state.status).toBe("waiting"));
    expect(client.state).toMatchObject({ reason: { code: "timeout", message: expect.stringContaining("getToken") } });
  });

  it("one that can't be had is tried for again, and told meanwhile", async () => {
    let isAway = true;
    await using pair: Pair = await Pair.start(
      {},
      {
        getToken: async () => {
          if (isAway) throw new TypeError("fetch failed");
          return null;
        },
      },
    );
    const reasons: string[] = [];
    pair.client.on("state", (state) => {
      if (state.status === "waiting") reasons.push(state.reason.code);
    });
    pair.client.connect();
    await eventually(() => expect(reasons.length).toBeGreaterThan(1));
    expect(reasons[0]).toBe("auth_failed");
    isAway = false;
    await eventually(() => expect(pair.client.state.status).toBe("connected"));
  });

  it("one that had expired before it was shown is replaced, and channels wait for that", async () => {
    let tokens = 0;
    await using pair: Pair = await Pair.start(
      { apps: [app] },
      {
        getToken: () => {
          const ttlSeconds = tokens++ === 0 ? -60 : 300;
          return pair.gateway.connectionToken({ sub: "ann", capabilities, ttlSeconds });
        },
      },
    );
    const errors: string[] = [];
    pair.client.on("error", ({ code }) => errors.push(code));
    const channel = pair.client.subscribe("user-ann");
    const states: string[] = [];
    channel.on("state", ({ status }) => states.push(status));
    await eventually(() => expect(states).not.toEqual([]), { timeoutMs: 20_000 });
    expect(states).toEqual(["subscribed"]);
    expect(errors).toEqual(["token_expired"]);
  });

  it("one that the server doesn't take is told as an error", async () => {
    const errors: unknown[] = [];
    await using pair = await Pair.start({ apps: [app] }, { getToken: async () => "not.a.token" });
    pair.client.on("error", (error) => errors.push(error));
    const channel = pair.client.subscribe("user-ann");
    await eventually(() => expect(errors).toMatchObject([{ code: "token_invalid" }]));
    await eventually(() =>
      expect(channel.state).toMatchObject({ status: "failed", error: { code: "token_required" } }),
    );
  });

  it("one that the server doesn't take is on the console where nobody listens", async () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    try {
      await using pair = await Pair.start({}, { getToken: async () => "not.a.token" });
      pair.client.connect();
      await eventually(() => expect(warned.mock.calls).toEqual([["token_invalid", expect.any(String)]]));
    } finally {
      warned.mockRestore();
    }
  });
});
