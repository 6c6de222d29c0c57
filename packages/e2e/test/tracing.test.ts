import { eventually, NatsServer, TraceCollector } from "@carillon/testkit";
import { expect, test } from "vitest";
import { CarillonProcess } from "./support/carillon-process.ts";
import { GUIDE_CONFIG, writeConfig } from "./support/config-file.ts";
import { Follower } from "./support/follower.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";

async function publish({ url }: CarillonProcess): Promise<number> {
  const { status } = await fetch(`${url}/publish`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-publish-secret": "guide-secret",
      traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01`,
    },
    body: JSON.stringify({ channel: "orders", event: "e", payload: 1 }),
  });
  return status;
}

test("tracing › OpenTelemetry's own variables hold, and a process hands its spans over when it stops", async () => {
  await using nats = await NatsServer.start();
  await using collector = await TraceCollector.start();
  const args = ["--config", await writeConfig(), "--nats", nats.url];
  const env = {
    CARILLON_TRACING_ENABLED: "true",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=mine",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test,service.version=9",
  };
  await using gateway = await CarillonProcess.start("gateway", args, { env: { ...env, OTEL_SERVICE_NAME: "bells" } });
  await using publisher = await CarillonProcess.start("publisher", args, { env });
  await using follower = new Follower("orders");
  await follower.join(gateway);
  expect(await publish(publisher)).toBe(204);
  await follower.client.events(1);
  expect(await Promise.all([gateway.stop(), publisher.stop()])).toEqual([0, 0]);
  const [published] = collector.named("publish");
  const [delivered] = collector.named("deliver");
  expect(collector.spans).toHaveLength(2);
  expect(published).toMatchObject({
    traceId: TRACE_ID,
    resource: {
      "service.name": "carillon-publisher",
      "service.version": "9",
      "deployment.environment.name": "test",
    },
  });
  expect(delivered).toMatchObject({ parentSpanId: published?.spanId, resource: { "service.name": "bells" } });
  for (const { path, headers } of collector.requests) {
    expect(path).toBe("/v1/traces");
    expect(headers["x-tenant"]).toBe("mine");
  }
});

test("tracing › a collector that never answers doesn't keep a process from ending, in good order", async () => {
  await using collector = await TraceCollector.start();
  collector.behaviour = "hang";
  const tracing = `tracing: { enabled: true, endpoint: "${collector.url}" }`;
  const config = await writeConfig(`${GUIDE_CONFIG}${tracing}\n`);
  await using carillon = await CarillonProcess.start("dev", ["--config", config]);
  expect(await publish(carillon)).toBe(204);
  let code: number | null = null;
  carillon.signal("SIGTERM");
  void carillon.exited().then((exited) => {
    code = exited;
  });
  // Well before OpenTelemetry's own exporter would give up, which takes ten seconds.
  await eventually(() => expect(code).toBe(0), { timeoutMs: 8000 });
  expect(collector.requests).toHaveLength(1);
});

test("tracing › nothing of OpenTelemetry is loaded where it is off", async () => {
  const config = await writeConfig();
  const loading = ["--import", new URL("./support/forbid-opentelemetry.mjs", import.meta.url).href];
  await using off = await CarillonProcess.start("dev", ["--config", config], { nodeArgs: loading });
  expect(await publish(off)).toBe(204);
  expect(await off.stop()).toBe(0);
  const on = CarillonProcess.start("dev", ["--config", config], {
    nodeArgs: loading,
    env: { CARILLON_TRACING_ENABLED: "true" },
  });
  await expect(on).rejects.toThrow(/OpenTelemetry is not to be loaded/);
});
