import { createHash, createHmac } from "node:crypto";
import { type CollectedSpan, eventually, NativeClient, NatsServer, TraceCollector } from "@carillon/testkit";
import { type RunningCarillon, startCarillon } from "carillon";
import { describe, expect, it } from "vitest";
import { NatsTap } from "./support/nats-tap.ts";
import { publish, settingsFor, TracedCluster } from "./support/traced-cluster.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER = "00f067aa0ba902b7";
const SAMPLED = `00-${TRACE_ID}-${CALLER}-01`;
const UNSAMPLED = `00-${TRACE_ID}-${CALLER}-00`;

const EVENT = { channel: "orders", event: "e", payload: 1 };

const only = (spans: readonly CollectedSpan[]): CollectedSpan => {
  expect(spans).toHaveLength(1);
  return spans[0] as CollectedSpan;
};

describe.each(["exact", "partition", "auto"])("two gateways and a publisher on NATS, %s interest", (interest) => {
  it("a publish with a sampled traceparent is below its caller, and a delivery on each gateway below the publish", async () => {
    await using nats = await NatsServer.start();
    await using collector = await TraceCollector.start();
    await using cluster = await TracedCluster.start(nats.url, collector, { nats: { interest } });
    const clients = await cluster.subscribers("orders");
    const headers = { traceparent: SAMPLED, tracestate: "vendor=mine" };
    expect(await publish(cluster.publisherUrl, EVENT, headers)).toBe(204);
    await Promise.all(clients.map((client) => client.events(1)));
    await cluster.close();
    const published = only(collector.named("publish"));
    expect(published).toMatchObject({
      traceId: TRACE_ID,
      parentSpanId: CALLER,
      state: "vendor=mine",
      kind: "producer",
      isError: false,
      attributes: {
        "messaging.system": "carillon",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.message.id": expect.any(String),
        "carillon.app.id": "1001",
      },
      resource: { "service.name": "carillon-publisher", "service.instance.id": expect.any(String) },
    });
    const delivered = collector.named("deliver");
    expect(delivered).toHaveLength(2);
    for (const span of delivered) {
      expect(span).toMatchObject({
        traceId: TRACE_ID,
        parentSpanId: published.spanId,
        kind: "consumer",
        attributes: {
          "messaging.operation.type": "process",
          "messaging.message.id": published.attributes["messaging.message.id"],
          "carillon.deliveries": 1,
        },
        resource: { "service.name": "carillon-gateway" },
      });
      expect(span.endNs).toBeGreaterThanOrEqual(span.startNs);
    }
    expect(new Set(delivered.map(({ attributes }) => attributes["carillon.node.id"])).size).toBe(2);
  });
});

describe("two gateways and a publisher on NATS", () => {
  it("what is not sampled, or malformed, has no header on NATS and no span; one that is has both", async () => {
    await using nats = await NatsServer.start();
    await using collector = await TraceCollector.start();
    await using cluster = await TracedCluster.start(nats.url, collector);
    await using tap = await NatsTap.open(nats.port, "carillon.pub.>");
    const [client] = await cluster.subscribers("orders");
    await publish(cluster.publisherUrl, EVENT);
    await publish(cluster.publisherUrl, EVENT, { traceparent: UNSAMPLED, tracestate: "a=b" });
    await publish(cluster.publisherUrl, EVENT, { traceparent: SAMPLED.toUpperCase() });
    await publish(cluster.publisherUrl, EVENT, { traceparent: SAMPLED });
    await client?.events(4);
    await eventually(() => expect(tap.messages.filter(({ payload }) => payload.includes("e"))).toHaveLength(4));
    await cluster.close();
    const published = only(collector.named("publish"));
    const headers = tap.messages.map((message) => message.headers).filter((text) => text !== "");
    expect(headers).toEqual([`NATS/1.0\r\ntraceparent: 00-${TRACE_ID}-${published.spanId}-01\r\n\r\n`]);
    expect(collector.spans).toHaveLength(3);
  });

  it("a history passes the trace on, live, and a repeat of an idempotent publish is a span without deliveries", async () => {
    await using nats = await NatsServer.start({ jetStream: true });
    await using collector = await TraceCollector.start();
    await using cluster = await TracedCluster.start(nats.url, collector);
    const kept = await cluster.subscribers("kept-1");
    const plain = await cluster.subscribers("orders");
    const headers = { traceparent: SAMPLED };
    expect(await publish(cluster.publisherUrl, { ...EVENT, channel: "kept-1" }, headers)).toBe(204);
    for (let repeat = 0; repeat < 2; repeat++) {
      expect(await publish(cluster.publisherUrl, { ...EVENT, id: "once" }, headers)).toBe(204);
    }
    await Promise.all([...kept, ...plain].map((client) => client.events(1)));
    await cluster.close();
    const published = collector.named("publish");
    const childrenOf = ({ spanId }: CollectedSpan) =>
      collector.named("deliver").filter(({ parentSpanId }) => parentSpanId === spanId);
    expect(published.map(({ attributes }) => attributes["carillon.duplicate"])).toEqual([undefined, undefined, true]);
    expect(published.map((span) => childrenOf(span).length)).toEqual([2, 2, 0]);
    for (const span of collector.named("deliver")) expect(span.attributes["carillon.deliveries"]).toBe(1);
  });

  it("Pusher's API reads a traceparent as well, and each event of a batch has a span", async () => {
    await using nats = await NatsServer.start();
    await using collector = await TraceCollector.start();
    await using cluster = await TracedCluster.start(nats.url, collector, { tracing: { channelNames: true } });
    const batch = [1, 2].map((data) => ({ channel: `room-${data}`, name: "e", data: String(data) }));
    for (const [path, body] of [
      ["events", { name: "e", channels: ["room-3", "room-4"], data: "1" }],
      ["batch_events", { batch }],
    ] as const) {
      expect(await callPusher(cluster.publisherUrl, `/apps/1001/${path}`, JSON.stringify(body))).toBe(200);
    }
    await cluster.close();
    const channels = collector.named("publish").map(({ attributes }) => attributes["messaging.destination.name"]);
    expect(channels.toSorted()).toEqual(["room-1", "room-2", "room-3", "room-4"]);
    for (const span of collector.spans) expect(span).toMatchObject({ traceId: TRACE_ID, parentSpanId: CALLER });
  });

  it("a publish that is refused is an error, with the code that its caller is told", async () => {
    await using nats = await NatsServer.start();
    await using collector = await TraceCollector.start();
    await using cluster = await TracedCluster.start(nats.url, collector, { tracing: { sampleRatio: 1 } });
    const event = { ...EVENT, id: "without-jetstream" };
    expect(await publish(cluster.publisherUrl, event, { traceparent: SAMPLED })).toBe(503);
    await cluster.close();
    expect(only(collector.spans)).toMatchObject({
      isError: true,
      attributes: { "error.type": "idempotency_unavailable" },
    });
  });
});

/** Pusher's signature over a call, by hand. */
async function callPusher(url: string, path: string, body: string): Promise<number> {
  const md5 = createHash("md5").update(body).digest("hex");
  const query = `auth_key=app-key&auth_timestamp=${Math.floor(Date.now() / 1000)}&auth_version=1.0&body_md5=${md5}`;
  const signed = createHmac("sha256", "a-secret-of-the-tests").update(`POST\n${path}\n${query}`).digest("hex");
  const response = await fetch(`${url}${path}?${query}&auth_signature=${signed}`, {
    method: "POST",
    headers: { "content-type": "application/json", traceparent: SAMPLED },
    body,
  });
  await response.arrayBuffer();
  return response.status;
}

describe("one process without NATS", () => {
  it("begins traces at the configured ratio, on channels with and without a history; spans have no names of channels", async () => {
    await using collector = await TraceCollector.start();
    const settings = settingsFor(collector, { tracing: { sampleRatio: 1, headers: { authorization: "Bearer mine" } } });
    const carillon = await startCarillon({ host: "127.0.0.1", port: 0, settings });
    const client = await NativeClient.open(carillon.webSocketUrl);
    for (const channel of ["orders", "kept-1"]) await client.subscribe(channel);
    for (const channel of ["orders", "kept-1"]) await publish(carillon.url, { ...EVENT, channel });
    await publish(carillon.url, EVENT, { traceparent: UNSAMPLED });
    await client.events(3);
    await carillon.close();
    const published = collector.named("publish");
    expect(published).toHaveLength(2);
    expect(published.map(({ parentSpanId }) => parentSpanId)).toEqual(["", ""]);
    for (const { traceId, spanId } of published) {
      const [delivery, ...others] = collector.named("deliver").filter((span) => span.traceId === traceId);
      expect(others).toEqual([]);
      expect(delivery).toMatchObject({ parentSpanId: spanId, attributes: { "carillon.deliveries": 1 } });
    }
    expect(JSON.stringify(collector.spans.map(({ attributes }) => attributes))).not.toMatch(/orders|kept-1/);
    expect(only(collector.spans.slice(0, 1)).resource).toMatchObject({ "service.name": "carillon-dev" });
    for (const { path, headers } of collector.requests) {
      expect(path).toBe("/v1/traces");
      expect(headers.authorization).toBe("Bearer mine");
    }
  });

  it("a client event begins no trace", async () => {
    await using collector = await TraceCollector.start();
    const settings = settingsFor(collector, { tracing: { sampleRatio: 1 } });
    const carillon = await startCarillon({ host: "127.0.0.1", port: 0, settings });
    const [sender, listener] = await Promise.all([
      privateClient(carillon.webSocketUrl),
      privateClient(carillon.webSocketUrl),
    ]);
    await sender.request({ type: "publish", channel: "private-room", event: "client-typing", payload: 1 });
    await listener.events(1);
    await carillon.close();
    expect(collector.spans).toEqual([]);
  });

  it("a collector that refuses, hangs or is away costs spans alone: publishes go on, the process stops, and it is counted", async () => {
    const collector = await TraceCollector.start();
    const settings = settingsFor(collector, { tracing: { sampleRatio: 1 } });
    for (const behaviour of [400, "hang", "away"] as const) {
      if (behaviour === "away") await collector[Symbol.asyncDispose]();
      else collector.behaviour = behaviour;
      const carillon = await startCarillon({ host: "127.0.0.1", port: 0, adminPort: 0, settings });
      const client = await NativeClient.open(carillon.webSocketUrl);
      await client.subscribe("orders");
      // With 300, whose spans are more than a batch has, one is sent before the end.
      const count = behaviour === 400 ? 300 : 1;
      const statuses = await Promise.all(Array.from({ length: count }, () => publish(carillon.url, EVENT)));
      expect(new Set(statuses)).toEqual(new Set([204]));
      await client.events(count);
      if (behaviour === 400)
        await eventually(async () => expect(await spansThat("failed", carillon)).toBeGreaterThan(0));
      await carillon.close();
    }
    expect(collector.spans).toEqual([]);
  });
});

/** How many spans the process counts under an outcome. */
async function spansThat(outcome: string, { adminUrl }: RunningCarillon): Promise<number> {
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  return Number(
    new RegExp(`^carillon_trace_spans_total\\{outcome="${outcome}",role="dev"\\} (\\d+)$`, "m").exec(metrics)?.[1],
  );
}

async function privateClient(url: string): Promise<NativeClient> {
  const client = await NativeClient.open(url);
  const signed = createHmac("sha256", "a-secret-of-the-tests")
    .update(`${client.connectionId}:private-room`)
    .digest("hex");
  await client.subscribe("private-room", { token: `app-key:${signed}` });
  return client;
}
