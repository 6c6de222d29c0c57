import { type Behaviour, eventually, TestEndpoint } from "@carillon/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CarillonProcess } from "../../test/support/carillon-process.ts";
import { writeConfig } from "../../test/support/config-file.ts";
import { carillon } from "../../test/support/run.ts";
import { WebhookCluster } from "../../test/support/webhook-cluster.ts";
import { fieldsOf, isValidForPusher, WebhookGuest, webhookConfig } from "../../test/support/webhook-guest.ts";
import { WebhookOutage } from "../../test/support/webhook-outage.ts";

const WITHIN = { timeoutMs: 40_000 };

describe("webhooks", () => {
  // Begins before all other tests and ends behind them, so that they needn't wait for its minute.
  let outage: WebhookOutage;

  beforeAll(async () => {
    outage = await WebhookOutage.begin();
  });

  afterAll(async () => {
    await outage?.[Symbol.asyncDispose]();
  });

  test("one process › every kind of event comes, as Pusher's SDK checks it", async () => {
    await using endpoint = await TestEndpoint.start();
    await using dev = await CarillonProcess.start("dev", ["--config", await writeConfig(webhookConfig(endpoint.url))]);
    await using guest = await WebhookGuest.open(dev);
    await guest.subscribe("orders");
    await guest.subscribe("cache-prices");
    await guest.subscribe("private-room");
    await guest.subscribe("presence-lobby", "ann");
    await guest.send("private-room", "client-text", "Zoë");
    await guest.send("presence-lobby", "client-object", { at: 1 });
    const socketId = guest.client.connectionId;
    const wanted = [
      { name: "channel_occupied", channel: "orders" },
      { name: "subscription_count", channel: "orders", subscription_count: 1 },
      { name: "channel_occupied", channel: "cache-prices" },
      { name: "subscription_count", channel: "cache-prices", subscription_count: 1 },
      { name: "cache_miss", channel: "cache-prices" },
      { name: "channel_occupied", channel: "private-room" },
      { name: "subscription_count", channel: "private-room", subscription_count: 1 },
      { name: "channel_occupied", channel: "presence-lobby" },
      { name: "member_added", channel: "presence-lobby", user_id: "ann" },
      { name: "client_event", channel: "private-room", event: "client-text", data: "Zoë", socket_id: socketId },
      {
        name: "client_event",
        channel: "presence-lobby",
        event: "client-object",
        data: '{"at":1}',
        socket_id: socketId,
        user_id: "ann",
      },
    ];
    const all = () =>
      endpoint.events
        .map(fieldsOf)
        .map((each) => JSON.stringify(sorted(each)))
        .sort();
    await eventually(() => expect(all()).toEqual(wanted.map((each) => JSON.stringify(sorted(each))).sort()), WITHIN);
    await guest.client.close();
    const gone = [
      { name: "member_removed", channel: "presence-lobby", user_id: "ann" },
      ...["orders", "cache-prices", "private-room", "presence-lobby"].map((channel) => ({
        name: "channel_vacated",
        channel,
      })),
    ];
    await eventually(() => expect(endpoint.events.map(fieldsOf)).toEqual(expect.arrayContaining(gone)), WITHIN);
    expect(endpoint.requests.map(isValidForPusher)).toEqual(endpoint.requests.map(() => true));
    expect(isValidForPusher({ ...endpoint.requests[0]!, body: "{}" })).toBe(false);
    const ids = endpoint.events.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(await dev.metric("carillon_webhook_events_total")).toBeGreaterThanOrEqual(ids.length);
    expect(dev.log).not.toContain("Zoë");
  }, 120_000);

  test("two gateways › occupied and vacated come once; moving between gateways says nothing; a dead gateway's channels are vacated", async () => {
    await using endpoint = await TestEndpoint.start();
    await using cluster = await WebhookCluster.start(webhookConfig(endpoint.url));
    const [one, two] = [await cluster.add("gateway"), await cluster.add("gateway")];
    await cluster.add("webhooks");
    const told = (channel: string) =>
      endpoint.events
        .filter((event) => event.channel === channel && /_(?:occupied|vacated|added|removed)$/.test(event.name))
        .map(({ name }) => name);
    const moving = await WebhookGuest.open(one);
    await moving.subscribe("presence-a", "ann");
    await using staying = await WebhookGuest.open(two);
    await staying.subscribe("presence-a", "ann");
    await staying.subscribe("b");
    await eventually(() => expect(told("presence-a").sort()).toEqual(["channel_occupied", "member_added"]), WITHIN);
    await moving.client.close();
    await using moved = await WebhookGuest.open(two);
    await moved.subscribe("presence-a", "ann");
    await using onOne = await WebhookGuest.open(one);
    await onOne.subscribe("c");
    await eventually(
      () => expect([told("b"), told("c")]).toEqual([["channel_occupied"], ["channel_occupied"]]),
      WITHIN,
    );
    await one.kill();
    await eventually(() => expect(told("c")).toEqual(["channel_occupied", "channel_vacated"]), WITHIN);
    expect(told("presence-a").sort()).toEqual(["channel_occupied", "member_added"]);
    expect(told("b")).toEqual(["channel_occupied"]);
    for (const guest of [staying, moved]) await guest.client.close();
    await eventually(() => {
      expect(told("b")).toEqual(["channel_occupied", "channel_vacated"]);
      expect(told("presence-a").sort()).toEqual([
        "channel_occupied",
        "channel_vacated",
        "member_added",
        "member_removed",
      ]);
    }, WITHIN);
    expect(endpoint.distinctEvents).toHaveLength(endpoint.events.length);
  }, 120_000);

  test("a troubled endpoint and killed workers › every event arrives, in the order of its channel, none twice without its id", async () => {
    await using endpoint = await TestEndpoint.start();
    const config = webhookConfig(endpoint.url, { events: "client_event", waitMs: 0 });
    await using cluster = await WebhookCluster.start(config);
    const gateway = await cluster.add("gateway");
    let worker = await cluster.add("webhooks");
    await cluster.add("webhooks");
    const channels = Array.from({ length: 6 }, (_, index) => `private-${index}`);
    await using guest = await WebhookGuest.open(gateway);
    for (const channel of channels) await guest.subscribe(channel);
    const troubles: Behaviour[] = [500, "hang", "cut", 503, 200, 302];
    let requests = 0;
    endpoint.behave = () => (requests++ % 3 === 0 ? (troubles[(requests / 3) | 0] ?? 200) : 200);
    const total = 300;
    for (let index = 0; index < total; index++) {
      await guest.send(channels[index % channels.length] as string, "client-n", index);
      if (index === 100) await worker.kill();
      // Down for a while: nothing can be connected to.
      if (index === 150) endpoint.behave = () => "cut";
      if (index === 200) worker = await cluster.add("webhooks");
      if (index === 250) {
        endpoint.behave = () => 200;
        await worker.kill();
      }
    }
    await eventually(() => expect(endpoint.distinctEvents).toHaveLength(total), WITHIN);
    for (const [at, channel] of channels.entries()) {
      const numbers = endpoint.distinctEvents
        .filter((each) => each.channel === channel)
        .map(({ data }) => Number(data));
      expect(numbers).toEqual(
        Array.from({ length: total / channels.length }, (_, index) => index * channels.length + at),
      );
    }
    const distinctData = new Set(endpoint.events.map(({ data }) => data));
    expect(distinctData.size).toBe(endpoint.distinctEvents.length);
    expect(await gateway.metric("carillon_webhook_events_dropped_total")).toBe(0);
  }, 120_000);

  test("dead letters › are listed without what is in them, and come after a replay", async () => {
    await using endpoint = await TestEndpoint.start();
    endpoint.behave = () => 500;
    const config = webhookConfig(endpoint.url, { events: "client_event", horizonSeconds: 0 });
    await using cluster = await WebhookCluster.start(config);
    const gateway = await cluster.add("gateway");
    const worker = await cluster.add("webhooks");
    await using guest = await WebhookGuest.open(gateway);
    await guest.subscribe("private-a");
    for (const text of ["secret-1", "secret-2"]) await guest.send("private-a", "client-x", text);
    await eventually(async () => expect(await worker.metric("carillon_webhook_dead_letters")).toBe(2), WITHIN);
    const tool = (command: string, ...args: readonly string[]) =>
      carillon(["webhooks", command, ...cluster.args, ...args]);
    const listed = await tool("dead");
    expect(listed).toMatchObject({ code: 0, stderr: "" });
    const lines = listed.stdout
      .trim()
      .split("\n")
      .map((line) => line.split("\t"));
    expect(lines.map(([, app, name, channel, , reason, , url]) => [app, name, channel, reason, url])).toEqual(
      Array.from({ length: 2 }, () => ["1001", "client_event", "private-a", "expired", endpoint.url]),
    );
    expect(listed.stdout).not.toContain("secret");
    expect((await tool("dead", "--since", "2030-01-01T00:00:00Z")).stdout).toBe("");
    expect((await tool("dead", "--app", "9")).code).toBe(64);
    expect((await tool("dead", "--since", "yesterday")).code).toBe(64);
    expect((await tool("replay", "--dry-run")).stdout).toContain("2 would be queued again");
    expect(endpoint.taken).toEqual([]);
    endpoint.behave = () => 200;
    expect((await tool("replay", "--app", "1001", "--since", "1h")).stdout).toBe("2 queued again\n");
    await eventually(() => expect(endpoint.events.map(({ data }) => data)).toEqual(["secret-1", "secret-2"]), WITHIN);
    expect(endpoint.events.map(({ id }) => id)).toEqual(lines.map(([, , , , id]) => id));
    expect((await tool("dead")).stdout).toBe("");
    expect(worker.log).not.toContain("secret-1");
    expect(await worker.stop()).toBe(0);
  }, 120_000);

  test("an endpoint that refuses connections for a minute, and a worker killed meanwhile › every event arrives, in the order of its channel, none twice without its id", async () => {
    await outage.sendAll();
    const [killed, other] = outage.workers;
    await killed.kill();
    await outage.sendAll();
    const age = () => other.metric("carillon_webhook_queue_oldest_age_seconds");
    await eventually(async () => expect(await age()).toBeGreaterThanOrEqual(60), {
      timeoutMs: 90_000,
      intervalMs: 500,
    });
    expect(await other.metric("carillon_webhook_requests_total")).toBeGreaterThan(0);
    await using endpoint = await outage.end();
    await eventually(() => expect(endpoint.distinctEvents).toHaveLength(outage.sent.length), WITHIN);
    for (const channel of outage.channels) {
      const ofChannel = (events: readonly { readonly channel: string; readonly data?: unknown }[]) =>
        events.filter((each) => each.channel === channel).map(({ data }) => Number(data));
      expect(ofChannel(endpoint.distinctEvents)).toEqual(ofChannel(outage.sent));
    }
    const distinctData = new Set(endpoint.events.map(({ data }) => data));
    expect(distinctData.size).toBe(endpoint.distinctEvents.length);
    expect(endpoint.requests.map(isValidForPusher)).toEqual(endpoint.requests.map(() => true));
    expect(await other.metric("carillon_webhook_dead_letters")).toBe(0);
    for (const gateway of outage.gateways) {
      expect(await gateway.metric("carillon_webhook_events_dropped_total")).toBe(0);
    }
    await eventually(async () => expect(await other.metric("carillon_webhook_queue_events")).toBe(0), WITHIN);
  }, 180_000);
});

function sorted(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}
