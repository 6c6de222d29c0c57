import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { enableRecovery, type RecoveryFailure, type RecoveryState } from "@carillon/pusher-recovery";
import { eventually, NativeClient, NatsServer, TcpProxy } from "@carillon/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBrowser } from "./support/browser.ts";
import { CarillonProcess } from "./support/carillon-process.ts";
import { writeConfig } from "./support/config-file.ts";
import { servePage } from "./support/page-server.ts";
import { PlainPusherServer } from "./support/plain-pusher-server.ts";
import { insist, SETTLE, upTo } from "./support/publishing.ts";
import { PusherApplication, type PusherJs, type Visitor } from "./support/pusher-app.ts";

const CONFIG = `
apps:
  - id: "1001"
    key: app-key
    secrets: [app-secret]
    publishSecret: guide-secret
    clientEvents: { enabled: true }
    limits: { commandsPerSecond: 0 }
gateway: { presence: { graceSeconds: 0 } }
channels:
  - { match: "cache-*", history: { messages: 50, maxAge: 10m } }
  - { match: "*-brief", history: { messages: 3, maxAge: 10m } }
  - { match: "plain-*" }
  - { match: "*", history: { messages: 1000, maxAge: 10m } }
`;

interface Heard {
  readonly event: string;
  readonly data: unknown;
}

/** Everything that a channel's handlers hear, in order. */
function heard(client: PusherJs, channel: string): Heard[] {
  const events: Heard[] = [];
  client.subscribe(channel).bind_global((event: string, data: unknown) => {
    if (event !== "pusher:subscription_count") events.push({ event, data });
  });
  return events;
}

const namesOf = (events: readonly Heard[]) => events.map(({ event }) => event.split(":").at(-1));
const numbersOf = (events: readonly Heard[]) => events.flatMap(({ data }) => (typeof data === "number" ? [data] : []));

/** A client with the plugin, behind a link that can be cut. */
interface Recovering {
  readonly client: PusherJs;
  readonly recovery: RecoveryState;
  readonly failures: RecoveryFailure[];
}

describe("one process", () => {
  let carillon: CarillonProcess;
  let link: TcpProxy;
  let application: PusherApplication;

  beforeAll(async () => {
    carillon = await CarillonProcess.start("dev", ["--config", await writeConfig(CONFIG)]);
    link = await TcpProxy.start({ targetPort: () => Number(new URL(carillon.url).port) });
    application = await PusherApplication.start(carillon);
  });

  afterAll(async () => {
    await application?.[Symbol.asyncDispose]();
    await link?.stop();
    await carillon?.[Symbol.asyncDispose]();
  });

  const recovering = (visitor: Visitor = { id: "ann" }): Recovering => {
    const client = application.client({ url: `http://127.0.0.1:${link.port}` }, visitor);
    const failures: RecoveryFailure[] = [];
    const recovery = enableRecovery(client, { onFailure: (failure) => failures.push(failure) });
    expect(enableRecovery(client)).toBe(recovery);
    return { client, recovery, failures };
  };

  const publish = async (channel: string, numbers: readonly number[]) => {
    for (const number of numbers) await application.pusher.trigger(channel, "numbered", number);
  };

  /** Publishes while nobody can hear it. */
  const publishUnheard = async (channel: string, numbers: readonly number[]) => {
    link.cut();
    await publish(channel, numbers);
    link.heal();
  };

  test.each([
    "orders",
    "private-orders",
    "presence-orders",
    "private-encrypted-orders",
    "cache-orders",
    "private-cache-orders",
  ])("%s › what was missed comes after a reconnect, once and in order, on the ordinary handlers", async (channel) => {
    const { client, recovery, failures } = recovering();
    const events = heard(client, channel);
    await eventually(() => expect(namesOf(events)[0]).toBe("subscription_succeeded"));
    expect(recovery.isActive).toBe(true);
    await publish(channel, [1, 2]);
    await eventually(() => expect(numbersOf(events)).toEqual([1, 2]));
    await publishUnheard(channel, [3, 4, 5]);
    await eventually(() => expect(numbersOf(events)).toEqual([1, 2, 3, 4, 5]), SETTLE);
    await publish(channel, [6]);
    await eventually(() => expect(numbersOf(events)).toEqual(upTo(6)));
    // Nothing was missed: the newest event of a cache channel doesn't come again either.
    await publishUnheard(channel, []);
    await eventually(() => expect(namesOf(events).at(-1)).toBe("subscription_succeeded"), SETTLE);
    await publish(channel, [7]);
    await eventually(() => expect(numbersOf(events)).toEqual(upTo(7)));
    const names = namesOf(events).filter((name) => name !== "numbered" && name !== "cache_miss");
    expect(names).toEqual(["subscription_succeeded", "subscription_succeeded", "subscription_succeeded"]);
    expect(failures).toEqual([]);
    client.disconnect();
  });

  test("too much was missed: the channel and the callback are told, behind the success, and it goes on live", async () => {
    const { client, failures } = recovering();
    const events = heard(client, "orders-brief");
    await eventually(() => expect(events).toHaveLength(1));
    await publish("orders-brief", [1]);
    await eventually(() => expect(events).toHaveLength(2));
    await publishUnheard("orders-brief", upTo(9));
    await eventually(() => expect(failures).toEqual([{ channel: "orders-brief", reason: "too_old" }]), SETTLE);
    await publish("orders-brief", [10]);
    await eventually(() => expect(numbersOf(events)).toEqual([1, 10]));
    expect(events.slice(2)).toEqual([
      { event: "pusher:subscription_succeeded", data: {} },
      { event: "carillon:recovery_failed", data: { reason: "too_old" } },
      { event: "numbered", data: 10 },
    ]);
    client.disconnect();
  });

  test("channels without history are told of each reconnect, encrypted ones as well; a channel subscribed anew is not", async () => {
    const { client, failures } = recovering();
    const names = ["plain-a", "private-encrypted-brief"];
    for (const name of names) heard(client, name);
    await eventually(() => expect(names.map((name) => client.channel(name).subscribed)).toEqual([true, true]));
    await publish("private-encrypted-brief", [0]);
    const again = heard(client, "plain-b");
    await eventually(() => expect(again).toHaveLength(1));
    client.unsubscribe("plain-b");
    link.cut();
    await publish("private-encrypted-brief", upTo(9));
    const anew = heard(client, "plain-b");
    link.heal();
    await eventually(() => expect(anew).toHaveLength(1), SETTLE);
    await eventually(() => expect(failures).toHaveLength(2), SETTLE);
    expect([...failures].sort((a, b) => a.channel.localeCompare(b.channel))).toEqual([
      { channel: "plain-a", reason: "no_history" },
      { channel: "private-encrypted-brief", reason: "too_old" },
    ]);
    expect(again).toHaveLength(1);
    client.disconnect();
  });

  test("what the client itself sent, or was left out of, doesn't come back to it", async () => {
    const { client } = recovering();
    const other = recovering({ id: "bob" });
    const channel = "private-own";
    const [events, others] = [heard(client, channel), heard(other.client, channel)];
    await eventually(() => expect([events.length, others.length]).toEqual([1, 1]));
    client.channel(channel).trigger("client-typing", { own: true });
    await application.pusher.trigger(channel, "numbered", 1, { socket_id: client.connection.socket_id });
    await eventually(() => expect(others).toHaveLength(3));
    await publishUnheard(channel, [2]);
    await eventually(() => expect(numbersOf(events)).toEqual([2]), SETTLE);
    expect(namesOf(events)).not.toContain("client-typing");
    for (const each of [client, other.client]) each.disconnect();
  });

  test("presence: clients with the plugin and native ones see each other come and go, and members are right after a recovery", async () => {
    const { client } = recovering({ id: "ann", info: { name: "Ann" } });
    const channel = "presence-mixed";
    const events = heard(client, channel);
    await eventually(() => expect(events).toHaveLength(1));
    await using native = await NativeClient.open(carillon.webSocketUrl);
    const data = JSON.stringify({ user_id: "bob", user_info: [1] });
    const { auth } = application.pusher.authorizeChannel(native.connectionId, channel, {
      user_id: "bob",
      user_info: [1] as never,
    });
    const reply = await native.request({ type: "subscribe", channel, token: auth, data });
    expect(reply["presence"]).toMatchObject({
      count: 2,
      members: [{ id: "ann", info: { name: "Ann" } }, { id: "bob" }],
    });
    await eventually(() =>
      expect(events.at(-1)).toEqual({ event: "pusher:member_added", data: { id: "bob", info: [1] } }),
    );
    await publishUnheard(channel, [1, 2]);
    await eventually(() => expect(numbersOf(events)).toEqual([1, 2]), SETTLE);
    const { members } = client.channel(channel) as unknown as { members: { count: number; members: object } };
    expect(members.members).toEqual({ ann: { name: "Ann" }, bob: [1] });
    await native.request({ type: "unsubscribe", channel });
    await eventually(() =>
      expect(events.at(-1)).toMatchObject({ event: "pusher:member_removed", data: { id: "bob" } }),
    );
    expect((await native.events(2)).map(({ payload }) => payload)).toEqual([1, 2]);
    client.disconnect();
  });

  test("Chromium: the build for a script tag, beside pusher-js' own", async () => {
    const { resolve } = createRequire(import.meta.url);
    const plugin = join(dirname(resolve("@carillon/pusher-recovery/package.json")), "dist/pusher-recovery.min.js");
    const files = [resolve("pusher-js/dist/web/pusher.min.js"), plugin];
    const scripts = await Promise.all(files.map((file) => readFile(file, "utf8")));
    await using site = await servePage(pageWith(scripts, link.port));
    const browser = await startBrowser();
    try {
      const page = await browser.newPage();
      const errors: unknown[] = [];
      page.on("pageerror", (error) => errors.push(error));
      await page.goto(site.url);
      const shown = () => page.locator("li").allTextContents();
      await eventually(async () => expect(await shown()).toEqual(["subscribed"]), SETTLE);
      await publish("page", [1]);
      await eventually(async () => expect(await shown()).toEqual(["subscribed", "1"]));
      await publishUnheard("page", [2, 3]);
      await eventually(async () => expect(await shown()).toEqual(["subscribed", "1", "subscribed", "2", "3"]), SETTLE);
      expect(errors).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});

/** A page with scripts in it, which subscribes to the channel `page` and shows what it hears. */
function pageWith(scripts: readonly string[], port: number): string {
  return `<!doctype html><title>Orders</title><ul></ul>
    ${scripts.map((script) => `<script>${script}</script>`).join("\n")}
    <script>
      const list = document.querySelector("ul");
      const show = (text) => { const item = document.createElement("li"); item.textContent = text; list.append(item); };
      const pusher = new Pusher("app-key", { cluster: "any", wsHost: "127.0.0.1", wsPort: ${port}, forceTLS: false, enabledTransports: ["ws"] });
      CarillonRecovery.enableRecovery(pusher, { onFailure: ({ reason }) => show("failed: " + reason) });
      const channel = pusher.subscribe("page");
      channel.bind("pusher:subscription_succeeded", () => show("subscribed"));
      channel.bind("numbered", (number) => show(number));
    </script>`;
}

describe("three gateways on NATS", () => {
  test("the client's gateway is killed twice while a publisher goes on: every number once and in order", async () => {
    await using nats = await NatsServer.start({ jetStream: true });
    const args = ["--config", await writeConfig(CONFIG), "--nats", nats.url];
    const gateways = await Promise.all(["a", "b", "c"].map(() => CarillonProcess.start("gateway", args)));
    await using publisher = await CarillonProcess.start("publisher", args);
    let target = gateways[0] as CarillonProcess;
    await using balancer = await TcpProxy.start({ targetPort: () => Number(new URL(target.url).port) });
    await using application = await PusherApplication.start(publisher);
    const client = application.client({ url: `http://127.0.0.1:${balancer.port}` }, { id: "ann" });
    const failures: RecoveryFailure[] = [];
    enableRecovery(client, { onFailure: (failure) => failures.push(failure) });
    const channels = ["orders", "private-orders"];
    const events = channels.map((channel) => heard(client, channel));
    await eventually(() => expect(events.map(({ length }) => length)).toEqual([1, 1]));
    let published = 0;
    let isPublishing = true;
    const publishing = (async () => {
      while (isPublishing) {
        published++;
        for (const channel of channels) await insist(publisher, channel, published);
      }
    })();
    for (const next of gateways.slice(1)) {
      const before = published;
      await eventually(() => {
        for (const each of events) expect(numbersOf(each).at(-1)).toBeGreaterThan(before + 20);
      }, SETTLE);
      const killed = target;
      target = next;
      await killed.kill();
      await eventually(() => expect(published).toBeGreaterThan(before + 60), SETTLE);
    }
    isPublishing = false;
    await publishing;
    for (const each of events) {
      await eventually(() => expect(numbersOf(each).at(-1)).toBe(published), SETTLE);
      expect(numbersOf(each)).toEqual(upTo(published));
      expect(namesOf(each).filter((name) => name === "subscription_succeeded")).toHaveLength(3);
    }
    expect(failures).toEqual([]);
    client.disconnect();
    await Promise.all(gateways.map((each) => each.kill()));
  }, 180_000);
});

describe("a gateway that is cut off from NATS", () => {
  test("channels without history are told on the standing connection, those with one get what was missed", async () => {
    await using nats = await NatsServer.start({ jetStream: true });
    await using link = await TcpProxy.start({ targetPort: () => Number(new URL(nats.url).port) });
    const args = ["--config", await writeConfig(CONFIG), "--nats"];
    await using gateway = await CarillonProcess.start("gateway", [...args, `nats://127.0.0.1:${link.port}`]);
    await using publisher = await CarillonProcess.start("publisher", [...args, nats.url]);
    await using application = await PusherApplication.start(publisher);
    const client = application.client(gateway, { id: "ann" });
    const failures: RecoveryFailure[] = [];
    enableRecovery(client, { onFailure: (failure) => failures.push(failure) });
    const [plain, orders] = [heard(client, "plain-a"), heard(client, "orders")];
    await eventually(() => expect([plain.length, orders.length]).toEqual([1, 1]));
    link.cut();
    for (const number of upTo(5)) await insist(publisher, "orders", number);
    await insist(publisher, "plain-a", 1);
    link.heal();
    await eventually(() => expect(numbersOf(orders)).toEqual(upTo(5)), SETTLE);
    await eventually(() => expect(failures).toEqual([{ channel: "plain-a", reason: "lost" }]), SETTLE);
    expect(plain.slice(1)).toEqual([{ event: "carillon:recovery_failed", data: { reason: "lost" } }]);
    expect(namesOf(orders)).not.toContain("recovery_failed");
    client.disconnect();
  }, 120_000);
});

describe("servers that know nothing of recovery", () => {
  test.each(["answered with an error", "ignored"] as const)(
    "unknown events are %s › everything is as without the plugin, but for one ping a connection",
    async (unknowns) => {
      const withPlugin = await visit(unknowns, true);
      const without = await visit(unknowns, false);
      expect(withPlugin.seen).toEqual(without.seen);
      expect(withPlugin.received).toEqual(without.received);
      expect([withPlugin.pings, without.pings]).toEqual([2, 0]);
    },
  );

  test("the server is exchanged for one that can't: the channel is told, once", async () => {
    await using carillon = await CarillonProcess.start("dev", ["--config", await writeConfig(CONFIG)]);
    await using plain = await PlainPusherServer.start("ignored");
    let url = carillon.url;
    await using link = await TcpProxy.start({ targetPort: () => Number(new URL(url).port) });
    await using application = await PusherApplication.start(carillon);
    const client = application.client({ url: `http://127.0.0.1:${link.port}` }, { id: "ann" });
    const failures: RecoveryFailure[] = [];
    const recovery = enableRecovery(client, { onFailure: (failure) => failures.push(failure) });
    const events = heard(client, "plain-a");
    await eventually(() => expect(events).toHaveLength(1));
    url = plain.url;
    link.cut();
    link.heal();
    await eventually(() => expect(failures).toEqual([{ channel: "plain-a", reason: "unsupported" }]), SETTLE);
    expect(recovery.isActive).toBe(false);
    plain.end(4200);
    await eventually(() => expect(namesOf(events).filter((name) => name === "subscription_succeeded")).toHaveLength(3));
    expect(failures).toHaveLength(1);
    client.disconnect();
  });
});

describe("a plugin that comes late", () => {
  test("the first reconnect is told, as nothing is known of what was missed; then it recovers", async () => {
    await using carillon = await CarillonProcess.start("dev", ["--config", await writeConfig(CONFIG)]);
    await using link = await TcpProxy.start({ targetPort: () => Number(new URL(carillon.url).port) });
    await using application = await PusherApplication.start(carillon);
    const client = await application.connect({ url: `http://127.0.0.1:${link.port}` }, { id: "ann" });
    const events = heard(client, "orders");
    await eventually(() => expect(events).toHaveLength(1));
    const failures: RecoveryFailure[] = [];
    enableRecovery(client, { onFailure: (failure) => failures.push(failure) });
    const reconnect = async (numbers: readonly number[]) => {
      const before = namesOf(events).filter((name) => name === "subscription_succeeded").length;
      link.cut();
      for (const number of numbers) await application.pusher.trigger("orders", "numbered", number);
      link.heal();
      await eventually(
        () => expect(namesOf(events).filter((name) => name === "subscription_succeeded")).toHaveLength(before + 1),
        SETTLE,
      );
    };
    await reconnect([1]);
    expect(failures).toEqual([{ channel: "orders", reason: "unsupported" }]);
    await reconnect([2, 3]);
    await eventually(() => expect(numbersOf(events)).toEqual([2, 3]));
    expect(failures).toHaveLength(1);
    client.disconnect();
  });
});

/** What a client with or without the plugin sees, and what its server sees of it, over a reconnect. */
async function visit(unknowns: "answered with an error" | "ignored", hasPlugin: boolean) {
  await using server = await PlainPusherServer.start(unknowns);
  await using application = await PusherApplication.start(server);
  const client = application.client(server, { id: "ann" });
  const failures: RecoveryFailure[] = [];
  if (hasPlugin) enableRecovery(client, { onFailure: (failure) => failures.push(failure) });
  const seen: unknown[] = [];
  client.connection.bind("state_change", (change: unknown) => seen.push(change));
  client.connection.bind("error", (error: unknown) => seen.push("error", error));
  // Pongs aside, which pusher-js gets without the plugin too.
  client.bind_global((event: string, data: unknown) => event === "pusher:pong" || seen.push([event, data]));
  const events = heard(client, "orders");
  const subscribed = (times: number) =>
    eventually(() => expect(namesOf(events).filter((name) => name === "subscription_succeeded")).toHaveLength(times));
  await subscribed(1);
  server.publish("orders", "created", { id: 1 });
  await eventually(() => expect(events).toHaveLength(2));
  server.end(4200);
  await subscribed(2);
  server.publish("orders", "created", { position: "a:1" });
  await eventually(() => expect(events).toHaveLength(4));
  client.unsubscribe("orders");
  await eventually(() => expect(server.received.at(-1)?.event).toBe("pusher:unsubscribe"));
  client.disconnect();
  expect(failures).toEqual([]);
  return { seen: [...seen, ...events], received: server.received, pings: server.pings };
}
