import { eventually, NativeClient, NatsServer } from "@carillon/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CarillonProcess } from "../support/carillon-process.ts";
import { writeConfig } from "../support/config-file.ts";
import { Crowd } from "../support/crowd.ts";

const CONNECTIONS = 3000;

describe("cluster › nats-server, three gateways, one publisher", () => {
  let nats: NatsServer;
  let gateways: CarillonProcess[] = [];
  let publisher: CarillonProcess;

  beforeAll(async () => {
    nats = await NatsServer.start({ jetStream: true });
    const args = ["--config", await writeConfig(), "--nats", nats.url];
    gateways = await Promise.all([1, 2, 3].map(() => CarillonProcess.start("gateway", args)));
    publisher = await CarillonProcess.start("publisher", args);
  });

  afterAll(async () => {
    await Promise.all([...gateways, publisher].map((each) => each?.[Symbol.asyncDispose]()));
    await nats?.stop();
  });

  test(`${CONNECTIONS} connections: every publish reaches exactly its subscribers, once`, async () => {
    await using crowd = await Crowd.connect(gateways, CONNECTIONS);
    // Everybody in one channel, a third in another, each in one of a hundred groups, and one alone.
    await crowd.subscribe((member) => ["all", ...(member % 3 === 0 ? ["third"] : []), `group-${member % 100}`]);
    const published = [
      { channel: "all", expected: CONNECTIONS },
      { channel: "third", expected: CONNECTIONS / 3 },
      { channel: "group-7", expected: CONNECTIONS / 100 },
      { channel: "nobody", expected: 0 },
    ];
    for (const [index, { channel }] of published.entries()) {
      const response = await publisher.publish({ channel, event: "tick", payload: { index } });
      expect(response.status).toBe(204);
    }
    // Published last on the channel that everybody has: whoever has it has all that was published before on that channel.
    await publisher.publish({ channel: "all", event: "last", payload: null });
    await crowd.untilEvents((counts) => counts.get("all") === CONNECTIONS * 2);
    for (const { channel, expected } of published) {
      await crowd.untilEvents((counts) => (counts.get(channel) ?? 0) === (channel === "all" ? expected * 2 : expected));
    }
  });

  test("a publisher learns how many subscribers, on whatever gateway, say that they have an event", async () => {
    const clients = await Promise.all(gateways.map(({ webSocketUrl }) => NativeClient.open(webSocketUrl)));
    for (const client of clients) await client.subscribe("with-receipts");
    const answer = publisher.publish({ channel: "with-receipts", event: "e", receipts: { timeoutMs: 10_000 } });
    for (const client of clients) {
      const { receipt } = await client.nextFrame((frame) => frame["receipt"] !== undefined);
      client.send({ type: "received", channel: "with-receipts", receipt });
    }
    expect(await (await answer).json()).toMatchObject({ receipts: { expected: 3, received: 3, complete: true } });
    await Promise.all(clients.map((client) => client.close()));
  });

  test("a gateway without subscribers of a channel gets nothing of it, by NATS's own count", async () => {
    const [first, second] = gateways as [CarillonProcess, CarillonProcess];
    await using client = await NativeClient.open(first.webSocketUrl);
    await client.subscribe("only-on-the-first");
    const before = await deliveredTo(nats, second);
    for (let index = 0; index < 200; index++) {
      await publisher.publish({ channel: "only-on-the-first", event: "tick", payload: index });
    }
    await client.events(200);
    // Processes tell each other every second that they live, which counts here too.
    expect(await deliveredTo(nats, second)).toBeLessThan(before + 100);
    expect(await deliveredTo(nats, first)).toBeGreaterThanOrEqual(200);
  });

  test("exclude › the connection that caused an event doesn't get it, on whichever gateway it is", async () => {
    const [first, second] = gateways as [CarillonProcess, CarillonProcess];
    await using sender = await NativeClient.open(first.webSocketUrl);
    await using neighbour = await NativeClient.open(first.webSocketUrl);
    await using remote = await NativeClient.open(second.webSocketUrl);
    for (const client of [sender, neighbour, remote]) await client.subscribe("doc-1");
    await publisher.publish({ channel: "doc-1", event: "edit", payload: 1, exclude: sender.connectionId });
    await publisher.publish({ channel: "doc-1", event: "edit", payload: 2 });
    expect((await neighbour.events(2)).map((event) => event.payload)).toEqual([1, 2]);
    expect((await remote.events(2)).map((event) => event.payload)).toEqual([1, 2]);
    expect((await sender.events(1)).map((event) => event.payload)).toEqual([2]);
  });

  test("an idempotency id is honoured by every publisher of the cluster", async () => {
    const [first] = gateways as [CarillonProcess];
    await using other = await CarillonProcess.start("publisher", ["--config", await writeConfig(), "--nats", nats.url]);
    await using client = await NativeClient.open(first.webSocketUrl);
    await client.subscribe("payments");
    for (const process of [publisher, other, publisher]) {
      const response = await process.publish({ channel: "payments", event: "paid", payload: 1, id: "payment-1" });
      expect(response.status).toBe(204);
    }
    await publisher.publish({ channel: "payments", event: "end", payload: null });
    await client.nextFrame((frame) => frame["event"] === "end");
    expect(client.deliveries.map((event) => event.event)).toEqual(["paid", "end"]);
  });

  test("NATS restarts: publishes are refused meanwhile, then everything goes on without a restart", async () => {
    const [first] = gateways as [CarillonProcess];
    await using client = await NativeClient.open(first.webSocketUrl);
    await client.subscribe("news");
    await nats.kill();
    await eventually(async () => {
      const refused = await publisher.publish({ channel: "news", event: "lost", payload: 1 });
      expect(refused.status).toBe(503);
      expect(refused.headers.get("retry-after")).not.toBeNull();
    });
    await eventually(async () => expect((await fetch(`${publisher.adminUrl}/readyz`)).status).toBe(503));
    await nats.restart();
    await eventually(async () => {
      const accepted = await publisher.publish({ channel: "news", event: "back", payload: 2 });
      expect(accepted.status).toBe(204);
      expect(client.deliveries.length).toBeGreaterThan(0);
    });
    expect(client.deliveries.every((event) => event.event === "back")).toBe(true);
    for (const process of [...gateways, publisher]) {
      await eventually(async () => expect((await fetch(`${process.adminUrl}/readyz`)).status).toBe(200));
    }
  });

  test("kill -9 of a gateway disturbs nobody on the others", async () => {
    const [first, second, third] = gateways as [CarillonProcess, CarillonProcess, CarillonProcess];
    const clients = await Promise.all([first, second, third].map((gateway) => NativeClient.open(gateway.webSocketUrl)));
    const [onFirst, onSecond, onThird] = clients as [NativeClient, NativeClient, NativeClient];
    for (const client of clients) await client.subscribe("steady");
    await third.kill();
    expect((await onThird.closed).code).toBe(1006);
    for (let index = 0; index < 20; index++) {
      expect((await publisher.publish({ channel: "steady", event: "tick", payload: index })).status).toBe(204);
    }
    const expected = Array.from({ length: 20 }, (_, index) => index);
    expect((await onFirst.events(20)).map((event) => event.payload)).toEqual(expected);
    expect((await onSecond.events(20)).map((event) => event.payload)).toEqual(expected);
    for (const client of clients) client.terminate();
  });

  test("SIGTERM › a gateway asks its clients to come back elsewhere, and exits with 0", async () => {
    const leaving = await CarillonProcess.start("gateway", ["--config", await writeConfig(), "--nats", nats.url]);
    const clients = await Promise.all(Array.from({ length: 50 }, () => NativeClient.open(leaving.webSocketUrl)));
    const exit = leaving.stop();
    const closures = await Promise.all(clients.map((client) => client.closed));
    expect(new Set(closures.map(({ code }) => code))).toEqual(new Set([4200]));
    for (const client of clients) {
      expect(client.frames.at(-1)).toMatchObject({ type: "reconnect", delayMs: expect.any(Number) });
    }
    expect(await exit).toBe(0);
  });
});

/** How many messages nats-server has sent to a process, told by the name it connected with. */
async function deliveredTo(nats: NatsServer, process: CarillonProcess): Promise<number> {
  const { connections } = (await nats.monitor("/connz")) as {
    connections: readonly { readonly name?: string; readonly out_msgs: number }[];
  };
  const mine = connections.filter(({ name }) => name?.endsWith(`-${process.pid}`));
  if (mine.length === 0) throw new Error("nats-server knows no connection of this process");
  return mine.reduce((sum, connection) => sum + connection.out_msgs, 0);
}

test("a message that NATS doesn't take is refused with 413 and its limit, and the connection to NATS lives on", async () => {
  await using nats = await NatsServer.start({ config: { max_payload: 4096 } });
  const args = ["--config", await writeConfig(), "--nats", nats.url];
  await using publisher = await CarillonProcess.start("publisher", args);
  const refused = await publisher.publish({ channel: "a", event: "big", payload: "x".repeat(8000) });
  expect(refused.status).toBe(413);
  expect(await refused.json()).toMatchObject({
    code: "message_too_large",
    detail: expect.stringContaining("max_payload"),
  });
  expect((await publisher.publish({ channel: "a", event: "small", payload: 1 })).status).toBe(204);
});
