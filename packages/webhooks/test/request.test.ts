import { createHmac } from "node:crypto";
import { eventually, TestEndpoint } from "@carillon/testkit";
import { testApp } from "@carillon/testkit/gateway";
import { describe, expect, it } from "vitest";
import { webhookRequestOf } from "../src/webhook-request.ts";
import { appWith, endpointAt, entry, RunningWorker } from "./support/running-worker.ts";

describe("request", () => {
  it("is signed as Pusher's SDKs check it", () => {
    const app = testApp({ key: "vk-7f3a9c", secrets: ["vs-1d2e4f6a8b", "older"] });
    const event = { name: "channel_occupied", channel: "room" } as const;
    const request = webhookRequestOf({
      app,
      endpoint: endpointAt("http://x/"),
      entries: [{ ...entry("an-id"), event }],
      nowMs: 1_700_000_000_000,
    });
    expect(request.body).toBe(
      '{"time_ms":1700000000000,"events":[{"name":"channel_occupied","channel":"room","id":"an-id"}]}',
    );
    expect(request.headers).toMatchObject({
      "content-type": "application/json",
      "x-pusher-key": "vk-7f3a9c",
      "x-pusher-signature": createHmac("sha256", "vs-1d2e4f6a8b").update(request.body).digest("hex"),
    });
  });

  it("carries the endpoint's own headers, and text of any language byte for byte", async () => {
    await using endpoint = await TestEndpoint.start();
    const headers = { authorization: "Bearer x" };
    await using running = new RunningWorker(appWith(endpointAt(endpoint.url, { headers })));
    const original = entry("1");
    await running.queue.enqueue([{ ...original, event: { ...original.event, channel: "c", name: "cache_miss" } }]);
    await running.queue.enqueue([{ ...entry("2"), event: { ...entry("2").event, data: "Zoë 🔔" } as never }]);
    await eventually(() => expect(endpoint.events).toHaveLength(2));
    expect(endpoint.taken[0]?.headers).toMatchObject({ ...headers, "content-type": "application/json" });
    expect(endpoint.events.find(({ id }) => id === "2")?.["data"]).toBe("Zoë 🔔");
  });

  it("is stamped and signed anew at each attempt", async () => {
    await using endpoint = await TestEndpoint.start();
    let failures = 2;
    endpoint.behave = () => (failures-- > 0 ? 500 : 200);
    await using running = new RunningWorker(appWith(endpointAt(endpoint.url)));
    await running.queue.enqueue([entry("1")]);
    await eventually(() => expect(endpoint.taken).toHaveLength(1));
    const stamps = endpoint.requests.map(({ timeMs }) => timeMs);
    expect(new Set(stamps).size).toBe(3);
    for (const { body, headers } of endpoint.requests) {
      expect(headers["x-pusher-signature"]).toBe(createHmac("sha256", "app-secret").update(body).digest("hex"));
    }
  });
});
