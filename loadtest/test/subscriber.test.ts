import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import type { Target } from "../bench/generator/messages.ts";
import { PUBLISH_APIS } from "../bench/generator/publish-api.ts";
import { SubscriberPool } from "../bench/generator/subscriber-pool.ts";
import { until } from "../bench/generator/until.ts";

const CHANNEL = "bench-shared";
const DEADLINE_MS = 10_000;

/** A server that answers by a script, and says what it was told. */
async function scripted(answers: Readonly<Record<string, string>>, onOpen: string | null) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const heard: string[] = [];
  server.on("connection", (socket) => {
    if (onOpen !== null) socket.send(onOpen);
    socket.on("message", (data) => {
      const text = String(data);
      heard.push(text);
      const answer = answers[text];
      if (answer !== undefined) socket.send(answer);
    });
    // The generator resets its connections.
    socket.on("error", () => undefined);
  });
  const { port } = server.address() as AddressInfo;
  return {
    heard,
    target: (dialect: Target["dialect"]): Target => ({
      socketPort: port,
      socketPath: "/",
      ...(dialect === undefined ? {} : { dialect }),
      publishPort: port,
      publishHeaders: "",
    }),
    say: (text: string) => {
      for (const client of server.clients) client.send(text);
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      for (const client of server.clients) client.terminate();
      server.close();
      await closed;
    },
  };
}

describe("subscribers of the bench", () => {
  test("go through the handshake of Engine.IO and Socket.IO, answer pings, and count deliveries alone", async () => {
    await using server = await scripted(
      { "40": '40{"sid":"b"}', '420["subscribe","bench-shared"]': "430[]" },
      '0{"sid":"a"}',
    );
    const pool = new SubscriberPool(0);
    const { ready } = await pool.connect(server.target("engine-io"), "shared", { from: 0, to: 1, parallel: 1 });
    expect(ready).toBe(1);
    const { event, payload } = JSON.parse(PUBLISH_APIS.native.body(CHANNEL)) as Record<string, unknown>;
    server.say("2");
    server.say(`42${JSON.stringify([event, CHANNEL, payload])}`);
    await until(() => pool.delivered === 1 && server.heard.length === 3, DEADLINE_MS);
    expect(server.heard).toEqual(["40", '420["subscribe","bench-shared"]', "3"]);
    expect(pool.received(0)).toBe(1);
    expect(pool.takeLatencies()).toHaveLength(1);
    expect(pool.takeProblems()).toEqual([]);
    pool.drop();
  });

  test("count each of the messages that Centrifugo puts into one frame", async () => {
    const answers = {
      '{"id":1,"connect":{}}': '{"id":1,"connect":{"client":"a"}}',
      '{"id":2,"subscribe":{"channel":"bench-shared"}}': '{"id":2,"subscribe":{}}',
    };
    await using server = await scripted(answers, null);
    const pool = new SubscriberPool(0);
    await pool.connect(server.target("centrifugo"), "shared", { from: 0, to: 1, parallel: 1 });
    const { data } = JSON.parse(PUBLISH_APIS.centrifugo.body(CHANNEL)) as Record<string, unknown>;
    const push = JSON.stringify({ push: { channel: CHANNEL, pub: { data } } });
    server.say(`${push}\n{}\n${push}\n${push}`);
    await until(() => pool.delivered === 3 && server.heard.length === 3, DEADLINE_MS);
    expect(pool.delivered).toBe(3);
    expect(pool.takeLatencies()).toHaveLength(3);
    expect(server.heard.at(-1)).toBe("{}");
    pool.drop();
  });

  test("a short text that is no sign of life counts as a surplus delivery", async () => {
    const subscribe = '{"type":"subscribe","channel":"bench-shared"}';
    await using server = await scripted({ [subscribe]: '{"type":"subscribed","channel":"bench-shared"}' }, null);
    const pool = new SubscriberPool(0);
    await pool.connect(server.target("native"), "shared", { from: 0, to: 1, parallel: 1 });
    server.say('{"type":"error"}');
    await until(() => pool.delivered === 1, DEADLINE_MS);
    expect(pool.received(0)).toBe(1);
    expect(pool.takeProblems()).toEqual(["1 sampled deliveries were not what was published"]);
    pool.drop();
  });
});
