import { MemoryBackbone, MemoryBus, MemoryClusterBackbone, MemoryClusterLink } from "@carillon/core";
import { MSGPACK_SUBPROTOCOL } from "@carillon/protocol";
import { DEV_APP, systemClock } from "@carillon/service";
import { NativeClient } from "@carillon/testkit";
import { TestGateway } from "@carillon/testkit/gateway";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RunningPublisher } from "./support/running-publisher.ts";

const AUTH = { "x-publish-secret": DEV_APP.publishSecret ?? "" };

describe("receipts", () => {
  const gateways: TestGateway[] = [];
  const backbone = new MemoryBackbone({ clock: systemClock });
  let running: RunningPublisher;
  const clients: NativeClient[] = [];

  beforeAll(async () => {
    const cluster = new MemoryClusterBackbone();
    for (let index = 0; index < 3; index++) {
      const [bus, clusterLink] = [new MemoryBus(backbone), new MemoryClusterLink(cluster)];
      gateways.push(await TestGateway.start({ bus, clusterLink }));
    }
    const clusterLink = new MemoryClusterLink(cluster);
    running = await RunningPublisher.start({ apps: [DEV_APP], clusterLink, bus: new MemoryBus(backbone) });
  });

  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await running[Symbol.asyncDispose]();
    for (const gateway of gateways) {
      await gateway[Symbol.asyncDispose]();
      await gateway.bus.close();
    }
  });

  async function subscriber(index: number, channel: string, subprotocol?: string): Promise<NativeClient> {
    const { webSocketUrl } = gateways[index] as TestGateway;
    const client = await NativeClient.open(webSocketUrl, subprotocol === undefined ? {} : { subprotocol });
    clients.push(client);
    await client.subscribe(channel);
    return client;
  }

  /** Says that it has the first event that comes. */
  async function confirm(client: NativeClient): Promise<void> {
    const delivery = await client.nextFrame(({ receipt }) => receipt !== undefined);
    const { channel, receipt } = delivery;
    expect(await client.request({ type: "received", channel, receipt })).toMatchObject({ type: "received", channel });
  }

  const publish = async (channel: string, more: Readonly<Record<string, unknown>>) =>
    running.post("/publish", { channel, event: "e", payload: 1, ...more }, AUTH);

  it("N63 › the answer waits for all subscribers, on all gateways and in all forms, and tells that all have it", async () => {
    const all = [
      await subscriber(0, "all"),
      await subscriber(0, "all", MSGPACK_SUBPROTOCOL),
      await subscriber(1, "all"),
    ];
    const id = 'my "id" ü/%';
    const answer = publish("all", { receipts: { timeoutMs: 10_000 }, id });
    await Promise.all(all.map(confirm));
    const response = await answer;
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      id,
      channels: ["all"],
      receipts: { expected: 3, received: 3, complete: true },
    });
    const repeat = await publish("all", { receipts: { timeoutMs: 10_000 }, id });
    expect(await repeat.json()).toEqual(expect.objectContaining({ duplicates: ["all"] }));
  });

  it("N63 › who says nothing in time, or says it twice, is not counted; without subscribers there is nothing to wait for", async () => {
    const [first] = [await subscriber(0, "some"), await subscriber(2, "some")];
    const answer = publish("some", { receipts: { timeoutMs: 400 } });
    await confirm(first);
    await confirm(first);
    expect(await (await answer).json()).toMatchObject({ receipts: { expected: 2, received: 1, complete: true } });
    const nobody = await publish("nobody", { receipts: { timeoutMs: 30_000 } });
    expect(await nobody.json()).toMatchObject({ receipts: { expected: 0, received: 0, complete: true } });
  });

  it("N63 › an excluded connection is not waited for, and events without receipts have none", async () => {
    const [mine, other] = [await subscriber(1, "mine"), await subscriber(1, "mine")];
    const answer = publish("mine", { receipts: { timeoutMs: 10_000 }, exclude: mine.connectionId });
    await confirm(other);
    expect(await (await answer).json()).toMatchObject({ receipts: { expected: 1, received: 1 } });
    expect((await publish("mine", {})).status).toBe(204);
    const [plain] = await mine.events(1);
    expect(plain).toEqual({ channel: "mine", event: "e", payload: 1 });
  });

  it("N63 › a receipt of a channel that isn't subscribed, or none at all, is refused", async () => {
    const client = await subscriber(0, "here");
    const elsewhere = await client.request({ type: "received", channel: "there", receipt: "x" });
    expect(elsewhere).toMatchObject({ code: "not_subscribed" });
    expect(await client.request({ type: "received", channel: "here" })).toMatchObject({ code: "missing_field" });
    const long = { type: "received", channel: "here", receipt: "x".repeat(401) };
    expect(await client.request(long)).toMatchObject({ code: "invalid_field" });
    const unknown = { type: "received", channel: "here", receipt: "%ff" };
    expect(await client.request(unknown)).toMatchObject({ type: "received" });
  });

  it.each([[1], [{}], [{ timeoutMs: 0 }], [{ timeoutMs: 30_001 }], [{ timeoutMs: 1.5 }], [{ timeoutMs: "5" }]])(
    "receipts of %j are refused",
    async (receipts) => {
      const response = await publish("a", { receipts });
      expect([response.status, await response.json()]).toEqual([
        400,
        expect.objectContaining({ code: "invalid_field" }),
      ]);
    },
  );

  it("receipts go with one event on one channel", async () => {
    const receipts = { timeoutMs: 5 };
    const many = await running.post("/publish", { channels: ["a", "b"], event: "e", receipts }, AUTH);
    expect(await many.json()).toMatchObject({ code: "invalid_field" });
    const batch = { events: [{ channel: "a", event: "e", receipts }] };
    expect(await (await running.post("/publish/batch", batch, AUTH)).json()).toMatchObject({ code: "invalid_field" });
  });
});
