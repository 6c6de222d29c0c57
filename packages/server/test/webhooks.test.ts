import { createHmac } from "node:crypto";
import { eventually, TestEndpoint } from "@carillon/testkit";
import { describe, expect, it } from "vitest";
import { CarillonServer, type Webhook, type WebhookOptions } from "../src/index.ts";
import { APP, errorOf, RunningCarillon } from "./support/running-carillon.ts";

const server = new CarillonServer({ appId: APP.id, key: APP.key, secret: APP.secret, host: "http://127.0.0.1:1" });

function signed(body: string, secret: string = APP.secret): Record<string, string> {
  return {
    "x-pusher-key": APP.key,
    "x-pusher-signature": createHmac("sha256", secret).update(body).digest("hex"),
    "content-type": "application/json",
  };
}

function bodyAt(timeMs: number = Date.now()): string {
  return JSON.stringify({ time_ms: timeMs, events: [{ name: "channel_occupied", channel: "Zoë", id: "1" }] });
}

describe("webhooks.verify", () => {
  it("takes what Carillon sends, from whatever holds the headers", async () => {
    await using endpoint = await TestEndpoint.start();
    const webhooks = [{ url: endpoint.url, allowPrivateNetwork: true }];
    await using carillon = await RunningCarillon.start({ app: { webhooks } });
    await using client = await carillon.client();
    await client.subscribe("orders");
    await eventually(() => expect(endpoint.taken).not.toHaveLength(0));
    const [{ headers, body }] = endpoint.taken as [(typeof endpoint.taken)[number]];
    const verified: Webhook = carillon.server().webhooks.verify(body, headers);
    expect(verified.events).toEqual([
      { name: "channel_occupied", channel: "orders", id: expect.any(String) },
      ...verified.events.slice(1),
    ]);
    const ofFetch = new Headers(
      Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
    );
    expect(carillon.server().webhooks.verify(new TextEncoder().encode(body), ofFetch)).toEqual(verified);
    expect(carillon.server().pusher.webhook({ headers, rawBody: body }).isValid()).toBe(true);
  });

  it("events are told apart by their names", () => {
    const body = JSON.stringify({
      time_ms: Date.now(),
      events: [
        { name: "member_added", channel: "presence-a", user_id: "ann", id: "1" },
        { name: "client_event", channel: "private-a", event: "client-x", data: "{}", socket_id: "1.2", id: "2" },
      ],
    });
    const told = server.webhooks.verify(body, signed(body)).events.map((event) => {
      if (event.name === "member_added") return event.user_id;
      return event.name === "client_event" ? `${event.event} of ${event.socket_id}` : event.name;
    });
    expect(told).toEqual(["ann", "client-x of 1.2"]);
  });

  it("takes every secret of a rotation, and names of headers in any case", () => {
    const body = bodyAt();
    const headers = Object.fromEntries(
      Object.entries(signed(body, "old-secret")).map(([name, value]) => [name.toUpperCase(), [value.toUpperCase()]]),
    );
    headers["X-PUSHER-KEY"] = [APP.key];
    expect(server.webhooks.verify(body, headers, { secrets: ["older-secret", "old-secret"] }).events).toHaveLength(1);
  });

  const body = bodyAt();
  it.each<[string, string, Record<string, string>, RegExp, WebhookOptions?]>([
    ["another secret", body, signed(body, "another"), /none of the secrets/],
    ["a changed body", `${body} `, signed(body), /none of the secrets/],
    ["no key", body, { ...signed(body), "x-pusher-key": "" }, /another key/],
    ["no headers", body, {}, /"x-pusher-key" is missing/],
    ["another app's key", body, { ...signed(body), "x-pusher-key": "other" }, /another key/],
    ["no signature", body, { "x-pusher-key": APP.key }, /"x-pusher-signature" is missing/],
    ["half a signature", body, { ...signed(body), "x-pusher-signature": "abc" }, /no signature/],
    ["something else that is signed", "[]", signed("[]"), /"time_ms"/],
    ["what is no JSON", "{", signed("{"), /not JSON/],
    ["an old one", bodyAt(1), signed(bodyAt(1)), /away from this machine's clock, 300 s are allowed/],
    ["one of the day after", ...futureOne(), /clock/],
    ["one that is older than asked for", ...pastOne(20), /10 s are allowed/, { maxAgeSeconds: 10 }],
  ])("refuses %s", async (...[, text, headers, message, options]) => {
    const error = await errorOf(() => server.webhooks.verify(text, headers, options));
    expect(error).toMatchObject({ name: "CarillonError", code: "invalid_webhook", isRetryable: false });
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain(APP.secret);
  });

  it("takes one of any age where it is told to", () => {
    expect(server.webhooks.verify(bodyAt(1), signed(bodyAt(1)), { maxAgeSeconds: 0 }).timeMs).toBe(1);
  });

  it.each<[string, string, unknown]>([
    ["an empty secret", "", { secrets: [""] }],
    ["a secret that isn't set", "", { secrets: [undefined] }],
    ["the letters of one secret", "o", { secrets: "old-secret" }],
    ["any age by mistake", APP.secret, { maxAgeSeconds: Number.NaN }],
  ])("takes none with %s, which would let in what others made or sent again", async (_, secret, options) => {
    const error = await errorOf(() =>
      server.webhooks.verify(bodyAt(1), signed(bodyAt(1), secret), { maxAgeSeconds: 0, ...(options as object) }),
    );
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(/"(secrets|maxAgeSeconds)" /);
  });

  it("in Pusher's form takes none with an empty secret either", () => {
    const webhook = server.pusher.webhook({ headers: signed(body, ""), rawBody: body });
    expect(() => webhook.isValid({ key: APP.key, secret: "" })).toThrow(/"secrets" is missing/);
  });

  it("says that a parsed body can't be checked", async () => {
    const error = await errorOf(() => server.webhooks.verify(JSON.parse(body), signed(body)));
    expect((error as Error).message).toMatch(/as it came.*await request\.text\(\).*express\.raw/);
  });
});

function futureOne(): [string, Record<string, string>] {
  const text = bodyAt(Date.now() + 86_400_000);
  return [text, signed(text)];
}

function pastOne(seconds: number): [string, Record<string, string>] {
  const text = bodyAt(Date.now() - seconds * 1000);
  return [text, signed(text)];
}
