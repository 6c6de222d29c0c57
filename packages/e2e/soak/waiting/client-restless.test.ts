import { RealtimeClient, type RealtimeClientOptions } from "@carillon/client";
import { msgpack } from "@carillon/client/msgpack";
import { eventually, NatsServer, TcpProxy } from "@carillon/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { pause } from "../../chaos/pause.ts";
import { Random } from "../../chaos/random.ts";
import { CarillonProcess } from "../../test/support/carillon-process.ts";
import { GUIDE_CONFIG, writeConfig } from "../../test/support/config-file.ts";
import { RestlessListener } from "../../test/support/restless-listener.ts";

// Fewer commands a second than a restless client would like.
const CONFIG = `${GUIDE_CONFIG.replace("commandsPerSecond: 0", "commandsPerSecond: 20")}
channels:
  - { match: "kept-*", history: { messages: 1000, maxAge: 1h } }
  - { match: "short-*", history: { messages: 5, maxAge: 1h } }
`;
/** How long a client is disturbed, in ms. */
const RESTLESS_MS = 5_000;
const SETTLED = { timeoutMs: 30_000 };

const WEBSOCKET = { WebSocket: WebSocket as never, transports: ["websocket"] } as const;
const WAYS: Readonly<Record<string, Partial<RealtimeClientOptions>>> = {
  websocket: WEBSOCKET,
  msgpack: { ...WEBSOCKET, format: msgpack },
  sse: { transports: ["sse"] },
  poll: { transports: ["poll"] },
  any: { WebSocket: WebSocket as never },
};

describe("a client whose link breaks at any byte, between two gateways, misses nothing silently and hears nothing twice", () => {
  let nats: NatsServer;
  let gateways: readonly CarillonProcess[];
  let publisher: CarillonProcess;
  let args: readonly string[];

  beforeAll(async () => {
    nats = await NatsServer.start({ jetStream: true });
    args = ["--config", await writeConfig(CONFIG), "--nats", nats.url];
    gateways = await Promise.all([CarillonProcess.start("gateway", args), CarillonProcess.start("gateway", args)]);
    publisher = await CarillonProcess.start("publisher", args);
  });

  /** Another gateway takes the place of one that is killed, or stopped. */
  const replaceOne = async (isKilled: boolean) => {
    const [doomed, ...others] = gateways;
    gateways = others;
    await (isKilled ? doomed?.kill() : doomed?.stop());
    gateways = [...others, await CarillonProcess.start("gateway", args)];
  };

  afterAll(async () => {
    await Promise.all([...(gateways ?? []), publisher].map((each) => each?.[Symbol.asyncDispose]()));
    await nats?.stop();
  });

  test.each([
    ["websocket", 111],
    ["msgpack", 2],
    ["sse", 3],
    ["poll", 4],
    ["any", 45],
  ])("%s, seed %i", async (way, seed) => {
    const random = new Random(seed);
    const names = ["kept-a", "kept-b", "short-c", "cache-d", "news"].map((name) => `${name}-${way}-${seed}`);
    const begunOn = new Map(names.map((name) => [name, 0]));
    const begun = (name: string) => begunOn.get(name) ?? 0;
    const publish = async (name: string) => {
      const number = begun(name) + 1;
      begunOn.set(name, number);
      const payload = { number, padding: "x".repeat(random.pick([0, 10, 200, 3000])) };
      const response = await publisher.publish({ channel: name, event: random.pick(["tick", "tock"]), payload });
      expect(response.status).toBe(204);
    };
    let isRestless = true;
    await using link = await TcpProxy.start({
      targetPort: () => Number(new URL(random.pick(gateways).url).port),
      breakAfter: () => (isRestless ? random.pick([random.between(1, 2000), random.between(1, 20_000), 1e9]) : 1e9),
    });
    await using client = new RealtimeClient("app-key", {
      host: `ws://127.0.0.1:${link.port}`,
      minReconnectDelayMs: 20,
      maxReconnectDelayMs: 100,
      pingAfterMs: random.pick([200, 3000]),
      pongTimeoutMs: 200,
      commandTimeoutMs: random.pick([60, 150, 1000]),
      ...WAYS[way],
    });

    const listener = new RestlessListener({ client, random, names, begun });
    const acts: readonly (() => unknown)[] = [
      () => link.cut(),
      () => link.freeze(),
      () => {
        client.close();
        client.connect();
      },
      ...new Array<() => void>(5).fill(() => listener.act()),
    ];

    const endMs = performance.now() + RESTLESS_MS;
    const publishing = (async () => {
      while (performance.now() < endMs) {
        await publish(random.pick(names));
        if (random.chance(0.3)) await pause(random.between(0, 30));
      }
    })();
    const replacing = replaceOne(seed % 2 === 0);
    while (performance.now() < endMs) {
      await pause(random.between(0, 150));
      random.pick(acts)();
      if (random.chance(0.5)) await pause(random.between(0, 300));
      link.heal();
    }
    await Promise.all([publishing, replacing]);
    isRestless = false;
    link.cut();
    link.heal();
    // It might not have noticed that yet.
    client.close();
    client.connect();
    listener.settle();
    await eventually(() => {
      for (const name of names) expect([name, client.channel(name).state]).toEqual([name, { status: "subscribed" }]);
      expect(client.state.status).toBe("connected");
    }, SETTLED);
    for (const name of names) await publish(name);
    await eventually(() => {
      for (const { name, last } of listener.current) expect([name, last?.number]).toEqual([name, begun(name)]);
    }, SETTLED);
    expect(listener.lives.flatMap((life) => life.violations())).toEqual([]);
    // All is kept that it can have missed.
    expect(listener.lives.filter(({ name }) => name.startsWith("kept")).flatMap(({ gaps }) => gaps)).toEqual([]);
    expect(listener.lives.flatMap(({ heard }) => heard).length).toBeGreaterThan(100);
  });
});
