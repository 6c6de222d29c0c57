import { createHmac } from "node:crypto";
import { MemoryWebhookQueue, WEBHOOK_LANES, type WebhookEndpoint, type WebhookEvent } from "@carillon/core";
import { systemClock } from "@carillon/service";
import { eventually, NativeClient } from "@carillon/testkit";
import { TestGateway, testApp } from "@carillon/testkit/gateway";
import { describe, expect, it } from "vitest";

const ENDPOINT: WebhookEndpoint = {
  id: "e",
  url: "http://127.0.0.1/",
  events: ["*"],
  channelPrefix: "",
  headers: {},
  allowPrivateNetwork: true,
};

/** A gateway whose app has endpoints, and what is queued for the first of them. */
class Tells {
  readonly gateway: TestGateway;
  readonly events: WebhookEvent[] = [];
  readonly ids: string[] = [];
  readonly #queue: MemoryWebhookQueue;

  private constructor(gateway: TestGateway, queue: MemoryWebhookQueue) {
    this.gateway = gateway;
    this.#queue = queue;
    for (let lane = 0; lane < WEBHOOK_LANES; lane++) void this.#read(lane);
  }

  static async start(webhooks: readonly WebhookEndpoint[], subscriptionCount = true): Promise<Tells> {
    const queue = new MemoryWebhookQueue({ clock: systemClock });
    const apps = [testApp({ webhooks, subscriptionCount, limits: { channelsPerConnection: 0 } })];
    return new Tells(await TestGateway.start({ apps, webhooks: queue }), queue);
  }

  named(name: WebhookEvent["name"]): WebhookEvent[] {
    return this.events.filter((event) => event.name === name);
  }

  async queued(): Promise<number> {
    return (await this.#queue.stats()).queued;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]();
    this.#queue.close();
  }

  async #read(lane: number): Promise<void> {
    const consumer = this.#queue.consume({ appId: "1001", endpointId: "e", lane });
    for (let lease = await consumer.next(60_000); lease !== null; lease = await consumer.next(60_000)) {
      for (const { id, event } of lease.entries) {
        this.ids.push(id);
        this.events.push(event);
      }
      await lease.ack();
    }
  }
}

describe("webhooks of a gateway", () => {
  it("an endpoint is told of what it wants, on the channels that it wants, and nothing else is queued", async () => {
    await using tells = await Tells.start([{ ...ENDPOINT, events: ["channel_occupied"], channelPrefix: "orders-" }]);
    await using client = await NativeClient.open(tells.gateway.webSocketUrl);
    for (const channel of ["other", "orders-1", "orders-2", "my-orders-3"]) await client.subscribe(channel);
    await eventually(() => expect(tells.events).toHaveLength(2));
    expect(tells.events).toEqual([
      { name: "channel_occupied", channel: "orders-1" },
      { name: "channel_occupied", channel: "orders-2" },
    ]);
    expect(await tells.queued()).toBe(0);
    expect([...(tells.gateway.gateway.webhookCounters?.told ?? [])]).toEqual([["channel_occupied", 2]]);
  });

  it.each([
    ["whoever wants everything is told no numbers", ["*"], 0],
    ["whoever names them is told", ["*", "subscription_count"], 1],
  ])("an app that counts no subscribers: %s", async (_what, events, told) => {
    await using tells = await Tells.start([{ ...ENDPOINT, events }], false);
    await using client = await NativeClient.open(tells.gateway.webSocketUrl);
    await client.subscribe("a");
    await eventually(() => expect(tells.events).toHaveLength(1 + told));
    await client.close();
    // Comes seconds after the number has changed, which is told in one at most.
    await eventually(() => expect(tells.named("channel_vacated")).toHaveLength(1));
    expect(tells.named("subscription_count").length > 0).toBe(told > 0);
  });

  it("an app without endpoints costs nothing: nothing is counted, and nothing ticks", async () => {
    await using tells = await Tells.start([]);
    await using client = await NativeClient.open(tells.gateway.webSocketUrl);
    await client.subscribe("a");
    await client.close();
    expect(tells.gateway.gateway.webhookCounters?.told.size).toBe(0);
  });

  it("an endpoint that is added while it runs is told of what is occupied, and of its end", async () => {
    await using tells = await Tells.start([]);
    await using client = await NativeClient.open(tells.gateway.webSocketUrl);
    await using other = await NativeClient.open(tells.gateway.webSocketUrl);
    await client.subscribe("a");
    await other.subscribe("a");
    tells.gateway.apps.reload([testApp({ webhooks: [ENDPOINT] })]);
    await eventually(() =>
      expect(tells.named("channel_occupied")).toEqual([{ name: "channel_occupied", channel: "a" }]),
    );
    await client.close();
    await eventually(() =>
      expect(tells.named("subscription_count").at(-1)).toEqual({
        name: "subscription_count",
        channel: "a",
        subscription_count: 1,
      }),
    );
    expect(tells.named("channel_vacated")).toEqual([]);
    await other.close();
    await eventually(() => expect(tells.named("channel_vacated")).toHaveLength(1));
    expect(tells.named("channel_occupied")).toHaveLength(1);
  });

  it("an endpoint that is added beside another one is told of what is occupied, and the other one isn't again", async () => {
    const first = { ...ENDPOINT, id: "first" };
    await using tells = await Tells.start([first], false);
    await using client = await NativeClient.open(tells.gateway.webSocketUrl);
    const channels = Array.from({ length: 1500 }, (_, index) => `c${index}`);
    for (const channel of channels) await client.subscribe(channel);
    const told = () => tells.gateway.gateway.webhookCounters?.told.get("channel_occupied");
    await eventually(() => expect(told()).toBe(channels.length));
    tells.gateway.apps.reload([testApp({ webhooks: [first, ENDPOINT], subscriptionCount: false })]);
    await eventually(() => expect(tells.named("channel_occupied")).toHaveLength(channels.length));
    expect(new Set(tells.events.map(({ channel }) => channel))).toEqual(new Set(channels));
    expect(told()).toBe(2 * channels.length);
    await client.close();
    await eventually(() => expect(tells.named("channel_vacated")).toHaveLength(channels.length));
    expect(tells.named("channel_occupied")).toHaveLength(channels.length);
  });

  it("a client event is told with its id, its sender, and its data as a text; an event of another name is not", async () => {
    await using tells = await Tells.start([{ ...ENDPOINT, events: ["client_event"] }]);
    const { gateway } = tells;
    await using client = await NativeClient.open(gateway.webSocketUrl);
    const data = JSON.stringify({ user_id: "ann" });
    const channel = "presence-a";
    const signature = createHmac("sha256", "app-secret")
      .update(`${client.connectionId}:${channel}:${data}`)
      .digest("hex");
    await client.subscribe(channel, { token: `app-key:${signature}`, data });
    const payloads = ["text", "", { deep: ["é"] }, 7, null];
    for (const payload of payloads) await client.request({ type: "publish", channel, event: "client-x", payload });
    await gateway.publish(channel, "client-from-server", 1);
    await eventually(() => expect(tells.events).toHaveLength(payloads.length));
    expect(tells.events.map((event) => (event.name === "client_event" ? event.data : ""))).toEqual([
      "text",
      "",
      '{"deep":["é"]}',
      "7",
      "null",
    ]);
    expect(tells.events[0]).toEqual({
      name: "client_event",
      channel,
      event: "client-x",
      data: "text",
      socket_id: client.connectionId,
      user_id: "ann",
    });
    expect(new Set(tells.ids).size).toBe(payloads.length);
  });
});
