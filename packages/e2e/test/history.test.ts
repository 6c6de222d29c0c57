import { writeFile } from "node:fs/promises";
import { eventually, NatsServer } from "@carillon/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CarillonProcess } from "./support/carillon-process.ts";
import { GUIDE_CONFIG, writeConfig } from "./support/config-file.ts";
import { Follower } from "./support/follower.ts";
import { insist, publish, SETTLE, upTo } from "./support/publishing.ts";

const CONFIG = `${GUIDE_CONFIG}
channels:
  - { match: "orders-*", history: { messages: 200, maxAge: 1h } }
  - { match: "short-*", history: { messages: 5, maxAge: 1h } }
`;

describe("history › nats-server with JetStream, two gateways, one publisher", () => {
  let nats: NatsServer;
  let first: CarillonProcess;
  let second: CarillonProcess;
  let publisher: CarillonProcess;
  let args: readonly string[];

  beforeAll(async () => {
    nats = await NatsServer.start({ jetStream: true });
    args = ["--config", await writeConfig(CONFIG), "--nats", nats.url];
    [first, second, publisher] = await Promise.all([
      CarillonProcess.start("gateway", args),
      CarillonProcess.start("gateway", args),
      CarillonProcess.start("publisher", args),
    ]);
  });

  afterAll(async () => {
    await Promise.all([first, second, publisher].map((each) => each?.[Symbol.asyncDispose]()));
    await nats?.stop();
  });

  test("a client that drops and comes back on the other gateway sees every number once, in order", async () => {
    await using follower = new Follower("orders-1");
    await follower.join(first);
    const publishing = publish(publisher, "orders-1", upTo(100));
    for (const gateway of [second, first, second]) {
      const seen = follower.payloads.length;
      await eventually(() => expect(follower.payloads.length).toBeGreaterThan(seen + 10));
      expect(await follower.join(gateway)).toMatchObject({ recovered: true });
    }
    await publishing;
    await eventually(() => expect(follower.payloads.length).toBeGreaterThanOrEqual(100));
    expect(follower.payloads).toEqual(upTo(100));
  });

  test("what was published while nobody was there is there when they come back", async () => {
    await using follower = new Follower("orders-away");
    await follower.join(first);
    await publish(publisher, "orders-away", [1, 2]);
    await eventually(() => expect(follower.payloads).toEqual([1, 2]));
    await follower.drop();
    await publish(publisher, "orders-away", [3, 4, 5]);
    expect(await follower.join(second)).toMatchObject({ recovered: true });
    await eventually(() => expect(follower.payloads).toEqual(upTo(5)));
  });

  test("the first events of a channel are not missed by who subscribed before there were any, whatever other channels have lost", async () => {
    await publish(publisher, "short-2", upTo(40));
    await using follower = new Follower("orders-new");
    await follower.join(first);
    await follower.drop();
    await publish(publisher, "short-2", upTo(40));
    expect(await follower.join(second)).toMatchObject({ recovered: true });
    await follower.drop();
    await publish(publisher, "orders-new", upTo(3));
    expect(await follower.join(second)).toMatchObject({ recovered: true });
    await eventually(() => expect(follower.payloads).toEqual(upTo(3)));
  });

  test("who was away for longer than the history reaches is told so, and gets none of it", async () => {
    await using follower = new Follower("short-1");
    await follower.join(first);
    await publish(publisher, "short-1", [1]);
    await eventually(() => expect(follower.payloads).toEqual([1]));
    await follower.drop();
    await publish(publisher, "short-1", [2, 3, 4, 5, 6, 7, 8]);
    expect(await follower.join(second)).toMatchObject({ recovered: false, reason: "too_old" });
    await publish(publisher, "short-1", [9]);
    await eventually(() => expect(follower.payloads).toEqual([1, 9]));
  });

  test("kill -9 of the gateway under clients: they recover on the other one", async () => {
    const doomed = await CarillonProcess.start("gateway", args);
    const followers = Array.from({ length: 20 }, () => new Follower("orders-kill"));
    for (const follower of followers) await follower.join(doomed);
    const publishing = publish(publisher, "orders-kill", upTo(60));
    await eventually(() => expect(followers.every(({ payloads }) => payloads.length > 10)).toBe(true));
    await doomed.kill();
    for (const follower of followers) {
      await follower.client.closed;
      expect(await follower.join(second)).toMatchObject({ recovered: true });
    }
    expect(await second.metric("carillon_recoveries_total")).toBeGreaterThanOrEqual(followers.length);
    await publishing;
    for (const follower of followers) {
      await eventually(() => expect(follower.payloads.length).toBeGreaterThanOrEqual(60));
      expect(follower.payloads).toEqual(upTo(60));
      await follower.drop();
    }
  });

  test("a position is told for each channel with a history, and its history can be read over HTTP", async () => {
    const response = await fetch(`${publisher.url}/publish`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-publish-secret": "guide-secret",
        prefer: "return=representation",
      },
      body: '{"channel":"orders-http","event":"numbered","payload":{ "a": 1.0 }}',
    });
    const { positions } = (await response.json()) as { positions: Record<string, string> };
    const history = await fetch(`${publisher.url}/channels/orders-http/history`, {
      headers: { "x-publish-secret": "guide-secret" },
    });
    const text = await history.text();
    expect(JSON.parse(text)).toMatchObject({
      position: positions["orders-http"],
      publications: [{ event: "numbered", position: positions["orders-http"] }],
    });
    expect(text).toContain('"payload":{ "a": 1.0 }');
  });

  test("a channel without a history is as it was", async () => {
    await using follower = new Follower("plain");
    const reply = await follower.join(first);
    expect(reply).not.toHaveProperty("position");
    await publish(publisher, "plain", [1, 2]);
    const [one] = await follower.client.events(2);
    expect(one).toEqual({ channel: "plain", event: "numbered", payload: 1 });
    const asked = await follower.client.request({ type: "subscribe", channel: "plain-2", recover: "epoch:1" });
    expect(asked).toMatchObject({ recovered: false, reason: "no_history" });
  });

  test("NATS is killed and restarted: a publish is refused or delivered once, and clients go on by themselves", async () => {
    await using follower = new Follower("orders-outage");
    await follower.join(first);
    await publish(publisher, "orders-outage", [1, 2, 3]);
    await nats.kill();
    const statuses = insist(publisher, "orders-outage", 4);
    // Nothing but a refusal can come before the server is back.
    await eventually(async () => {
      const refused = await publisher.publish({ channel: "orders-outage", event: "lost", payload: 0 });
      expect(refused.status).toBe(503);
      expect(refused.headers.get("retry-after")).not.toBeNull();
    });
    await nats.restart();
    expect((await statuses).at(-1)).toBe(204);
    for (const number of [5, 6]) await insist(publisher, "orders-outage", number);
    await eventually(() => expect(follower.payloads.at(-1)).toBe(6), SETTLE);
    // The refused one can't be known not to have been kept; the others came once and in order.
    expect(follower.payloads.filter((payload) => payload !== 0)).toEqual(upTo(6));
    expect(await follower.join(second)).toMatchObject({ recovered: true });
  });

  test("JetStream is away: channels without a history go on, and health and metrics tell", async () => {
    await using plain = await NatsServer.start();
    const away = ["--config", await writeConfig(CONFIG), "--nats", plain.url];
    await using gateway = await CarillonProcess.start("gateway", away);
    await using publisherThere = await CarillonProcess.start("publisher", away);
    await using follower = new Follower("plain");
    await follower.join(gateway);
    await publish(publisherThere, "plain", [1]);
    await follower.client.events(1);
    await eventually(async () => {
      const refused = await publisherThere.publish({ channel: "orders-lost", event: "numbered", payload: 1 });
      expect(refused.status).toBe(503);
      expect(await refused.json()).toMatchObject({ code: "history_unavailable" });
    });
    const ready = await fetch(`${publisherThere.adminUrl}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([
      200,
      expect.objectContaining({ degraded: expect.arrayContaining([expect.stringContaining("histories")]) }),
    ]);
    expect(await publisherThere.metric("carillon_history_available")).toBe(0);
    expect(await publisherThere.metric("carillon_history_appends_refused_total")).toBeGreaterThan(0);
    const asked = await follower.client.request({ type: "subscribe", channel: "orders-lost", recover: "epoch:1" });
    expect(asked).toMatchObject({ type: "subscribed", recovered: false, reason: "unavailable" });
  });
});

describe("history › a store that was wiped", () => {
  test("is another one: recovered is false with epoch_changed", async () => {
    await using before = await NatsServer.start({ jetStream: true });
    const config = await writeConfig(CONFIG);
    await using follower = new Follower("orders-1");
    {
      const args = ["--config", config, "--nats", before.url];
      await using gateway = await CarillonProcess.start("gateway", args);
      await using publisher = await CarillonProcess.start("publisher", args);
      await follower.join(gateway);
      await publish(publisher, "orders-1", [1, 2, 3]);
      await eventually(() => expect(follower.payloads).toEqual([1, 2, 3]));
      await follower.drop();
    }
    // A server with an empty folder is what a lost volume looks like.
    await using after = await NatsServer.start({ jetStream: true });
    const args = ["--config", config, "--nats", after.url];
    await using gateway = await CarillonProcess.start("gateway", args);
    await using publisher = await CarillonProcess.start("publisher", args);
    await publish(publisher, "orders-1", [4, 5, 6, 7]);
    expect(await follower.join(gateway)).toMatchObject({ recovered: false, reason: "epoch_changed" });
    await publish(publisher, "orders-1", [8]);
    await eventually(() => expect(follower.payloads).toEqual([1, 2, 3, 8]));
  });
});

describe("history › carillon dev alone", () => {
  test("keeps the same promises in one process, and takes over new rules while it runs", async () => {
    const file = await writeConfig(CONFIG);
    await using dev = await CarillonProcess.start("dev", ["--config", file]);
    await using follower = new Follower("orders-1");
    await follower.join(dev);
    const publishing = publish(dev, "orders-1", upTo(100));
    for (let round = 0; round < 3; round++) {
      const seen = follower.payloads.length;
      await eventually(() => expect(follower.payloads.length).toBeGreaterThan(seen + 10));
      expect(await follower.join(dev)).toMatchObject({ recovered: true });
    }
    await publishing;
    await eventually(() => expect(follower.payloads.length).toBeGreaterThanOrEqual(100));
    expect(follower.payloads).toEqual(upTo(100));
    expect(await follower.client.request({ type: "subscribe", channel: "orders-2", recover: "epoch:1" })).toMatchObject(
      {
        recovered: false,
        reason: "epoch_changed",
      },
    );
    const historyOf = (channel: string) =>
      fetch(`${dev.url}/channels/${channel}/history`, { headers: { "x-publish-secret": "guide-secret" } });
    expect((await historyOf("later")).status).toBe(404);
    await writeFile(file, `${CONFIG}  - { match: later, history: {} }\n`);
    await eventually(async () => expect((await historyOf("later")).status).toBe(200));
  });
});
