import { eventually, NativeClient, NatsServer, TcpProxy } from "@carillon/testkit";
import Echo from "laravel-echo";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CarillonProcess } from "./support/carillon-process.ts";
import { writeConfig } from "./support/config-file.ts";
import { DEPLOYMENTS, type Deployment } from "./support/deployments.ts";
import { PusherApplication, type PusherJs } from "./support/pusher-app.ts";

const CONFIG = `
apps:
  - id: "1001"
    key: app-key
    secrets: [app-secret]
    publishSecret: guide-secret
    clientEvents: { enabled: true }
    subscriptionCount: true
gateway: { drain: { delaySeconds: 0, spreadSeconds: 1 }, presence: { graceSeconds: 0 } }
`;

/** Everything that a channel's handlers hear, in order. */
function heard(client: PusherJs, channel: string): { readonly event: string; readonly data: unknown }[] {
  const events: { event: string; data: unknown }[] = [];
  client.subscribe(channel).bind_global((event: string, data: unknown) => {
    // Comes to everybody at its own time.
    if (event !== "pusher:subscription_count") events.push({ event, data });
  });
  return events;
}

const succeeded = expect.objectContaining({ event: "pusher:subscription_succeeded" });

describe.each(DEPLOYMENTS)("pusher-js on %s", (_where, deploy) => {
  let setup: Deployment;
  let application: PusherApplication;
  let first: CarillonProcess;
  let second: CarillonProcess;

  beforeAll(async () => {
    setup = await deploy(CONFIG);
    [first, , second] = setup.gateways;
    application = await PusherApplication.start(setup.publisher);
  }, 60_000);

  afterAll(async () => {
    await application?.[Symbol.asyncDispose]();
    await setup?.[Symbol.asyncDispose]();
  });

  const publish = async (channel: string, event: string, payload: unknown, exclude?: string) => {
    const body = { channel, event, payload, ...(exclude === undefined ? {} : { exclude }) };
    expect((await setup.publisher.publish(body)).status).toBe(204);
  };

  test("public channels: what is published arrives, but for the connection that is excluded", async () => {
    const ann = await application.connect(first, { id: "ann" });
    const bob = await application.connect(second, { id: "bob" });
    const [annHeard, bobHeard] = [heard(ann, "orders"), heard(bob, "orders")];
    await eventually(() => expect([...annHeard, ...bobHeard]).toEqual([succeeded, succeeded]));
    await using native = await NativeClient.open(second.webSocketUrl);
    await native.subscribe("orders");
    for (const payload of [{ id: 1 }, "text", 7, null]) await publish("orders", "created", payload);
    await publish("orders", "mine", { id: 2 }, ann.connection.socket_id);
    await publish("orders", "end", []);
    const created = [{ id: 1 }, "text", 7, null].map((data) => ({ event: "created", data }));
    const end = { event: "end", data: [] };
    await eventually(() => expect(annHeard).toEqual([succeeded, ...created, end]));
    await eventually(() => expect(bobHeard).toEqual([succeeded, ...created, { event: "mine", data: { id: 2 } }, end]));
    expect((await native.events(6)).map(({ payload }) => payload)).toEqual([{ id: 1 }, "text", 7, null, { id: 2 }, []]);
    await eventually(() => expect(ann.channel("orders").subscriptionCount).toBe(3));
    ann.disconnect();
    await eventually(() => expect(bob.channel("orders").subscriptionCount).toBe(2));
    bob.disconnect();
  });

  test("private channels: the auth endpoint's proof opens them, none doesn't; client events reach the others", async () => {
    const ann = await application.connect(first, { id: "ann" });
    const bob = await application.connect(second, { id: "bob" });
    const [annHeard, bobHeard] = [heard(ann, "private-room"), heard(bob, "private-room")];
    const refused = heard(ann, "private-forbidden");
    await eventually(() => expect([...annHeard, ...bobHeard]).toEqual([succeeded, succeeded]));
    await eventually(() => expect(refused).toMatchObject([{ event: "pusher:subscription_error" }]));
    ann.channel("private-room").trigger("client-typing", { who: "ann" });
    await eventually(() => expect(bobHeard.at(-1)).toEqual({ event: "client-typing", data: { who: "ann" } }));
    expect(annHeard).toHaveLength(1);
    for (const client of [ann, bob]) client.disconnect();
  });

  test("a proof of somebody else is refused by Carillon itself", async () => {
    const ann = application.client(first, { id: "ann" });
    const channel = ann.subscribe("private-room");
    const errors: unknown[] = [];
    channel.bind("pusher:subscription_error", (error: unknown) => errors.push(error));
    // As an endpoint would that signs with another app's secret.
    channel.authorize = (_socketId, callback) => callback(null, { auth: "app-key:0123" });
    await eventually(() => expect(errors).toMatchObject([{ type: "AuthError", status: 401 }]));
    expect(ann.connection.state).toBe("connected");
    ann.disconnect();
  });

  test("presence: members, me, coming and going over gateways; client events name their sender", async () => {
    const ann = await application.connect(first, { id: "ann", info: { name: "Ann" } });
    const annHeard = heard(ann, "presence-room");
    await eventually(() => expect(annHeard).toEqual([succeeded]));
    const bob = await application.connect(second, { id: "bob", info: { name: "Bob" } });
    const tab = await application.connect(second, { id: "bob", info: { name: "Bob" } });
    heard(tab, "presence-room");
    const bobHeard = heard(bob, "presence-room");
    await eventually(() => expect(bobHeard).toEqual([succeeded]));
    const { members } = bob.channel("presence-room") as unknown as {
      members: { count: number; me: { id: string; info: unknown }; members: Record<string, unknown> };
    };
    expect(members.count).toBe(2);
    expect(members.me).toEqual({ id: "bob", info: { name: "Bob" } });
    expect(members.members).toEqual({ ann: { name: "Ann" }, bob: { name: "Bob" } });
    await eventually(() =>
      expect(annHeard.slice(1)).toEqual([{ event: "pusher:member_added", data: { id: "bob", info: { name: "Bob" } } }]),
    );
    const sender: unknown[] = [];
    ann.channel("presence-room").bind("client-hi", (_data: unknown, metadata: unknown) => sender.push(metadata));
    bob.channel("presence-room").trigger("client-hi", {});
    await eventually(() => expect(sender).toEqual([{ user_id: "bob" }]));
    tab.disconnect();
    bob.disconnect();
    await eventually(() =>
      expect(annHeard.at(-1)).toMatchObject({ event: "pusher:member_removed", data: { id: "bob" } }),
    );
    expect(annHeard.filter(({ event }) => event === "pusher:member_added")).toHaveLength(1);
    ann.disconnect();
  });

  test("cache channels: a miss, then the newest event, on the other gateway", async () => {
    const ann = await application.connect(first, { id: "ann" });
    const annHeard = heard(ann, "cache-price");
    await eventually(() => expect(annHeard).toEqual([succeeded, { event: "pusher:cache_miss", data: {} }]));
    await publish("cache-price", "price", { value: 1 });
    await publish("cache-price", "price", { value: 2 });
    const bob = await application.connect(second, { id: "bob" });
    const bobHeard = heard(bob, "cache-price");
    await eventually(() => expect(bobHeard).toEqual([succeeded, { event: "price", data: { value: 2 } }]));
    for (const client of [ann, bob]) client.disconnect();
  });

  test("encrypted channels: only the clients can read them", async () => {
    const ann = await application.connect(first, { id: "ann" });
    const annHeard = heard(ann, "private-encrypted-vault");
    await eventually(() => expect(annHeard).toEqual([succeeded]));
    await using native = await NativeClient.open(second.webSocketUrl);
    const proof = application.pusher.authorizeChannel(native.connectionId, "private-encrypted-vault");
    await native.subscribe("private-encrypted-vault", { token: proof.auth });
    await application.pusher.trigger("private-encrypted-vault", "opened", { secret: 42 });
    const [delivery] = await native.events(1);
    expect(delivery?.payload).toEqual({ nonce: expect.any(String), ciphertext: expect.any(String) });
    await eventually(() => expect(annHeard.at(-1)).toEqual({ event: "opened", data: { secret: 42 } }));
    ann.disconnect();
  });

  test("what Pusher's server SDK publishes arrives as it was, and as values in other protocols", async () => {
    const ann = await application.connect(first, { id: "ann" });
    const bob = await application.connect(second, { id: "bob" });
    const [annHeard, bobHeard] = [heard(ann, "orders"), heard(bob, "orders")];
    await eventually(() => expect([...annHeard, ...bobHeard]).toEqual([succeeded, succeeded]));
    await using native = await NativeClient.open(second.webSocketUrl);
    await native.subscribe("orders");
    const values = [{ id: 1 }, "text", '"x"', '{"a": 1}', 7, ["é"]];
    for (const value of values) await application.pusher.trigger("orders", "e", value);
    await application.pusher.trigger("orders", "mine", 1, { socket_id: ann.connection.socket_id });
    await application.pusher.trigger("orders", "end", {});
    // pusher-js reads strings of JSON text once more.
    const read = [{ id: 1 }, "text", "x", { a: 1 }, 7, ["é"]].map((data) => ({ event: "e", data }));
    const end = { event: "end", data: {} };
    await eventually(() => expect(annHeard.slice(1)).toEqual([...read, end]));
    await eventually(() => expect(bobHeard.slice(1)).toEqual([...read, { event: "mine", data: 1 }, end]));
    const payloads = (await native.events(8)).map(({ payload }) => payload);
    expect(payloads).toEqual([...read.map(({ data }) => data), 1, {}]);
    for (const client of [ann, bob]) client.disconnect();
  });

  test("terminate_connections ends a user's connections for good, and nobody else's", async () => {
    const ann = await application.connect(first, { id: "zoe" });
    const guest = await application.connect(second, { id: "zoe" });
    const guestHeard = heard(guest, "presence-room");
    ann.signin();
    await eventually(() => expect(ann.user.user_data).toMatchObject({ id: "zoe" }));
    await eventually(() => expect(guestHeard).toEqual([succeeded]));
    const alerts: unknown[] = [];
    ann.user.bind("alert", (data: unknown) => alerts.push(data));
    await application.pusher.sendToUser("zoe", "alert", { level: 1 });
    await eventually(() => expect(alerts).toEqual([{ level: 1 }]));
    const errors: unknown[] = [];
    ann.connection.bind("error", (error: unknown) => errors.push(error));
    await application.pusher.terminateUserConnections("zoe");
    await eventually(() => expect(ann.connection.state).toBe("disconnected"));
    expect(JSON.stringify(errors)).toContain("4009");
    expect(guest.connection.state).toBe("connected");
    guest.disconnect();
  });

  test("sign-in: events for a user, a watchlist, and members without data", async () => {
    const bob = await application.connect(second, { id: "bob" });
    bob.signin();
    const ann = await application.connect(first, { id: "ann", info: { name: "Ann" }, watchlist: ["bob", "eve"] });
    const watched: unknown[] = [];
    for (const name of ["online", "offline"]) {
      ann.user.watchlist.bind(name, ({ user_ids: ids }: { user_ids: string[] }) => watched.push([name, ids]));
    }
    const [annUser, bobUser]: [unknown[], unknown[]] = [[], []];
    ann.user.bind("alert", (data: unknown) => annUser.push(data));
    bob.user.bind("alert", (data: unknown) => bobUser.push(data));
    await eventually(() => expect(bob.user.user_data).toMatchObject({ id: "bob" }));
    ann.signin();
    await eventually(() =>
      expect(watched).toEqual([
        ["online", ["bob"]],
        ["offline", ["eve"]],
      ]),
    );
    await publish("#server-to-user-ann", "alert", { level: 1 });
    await publish("#server-to-user-bob", "alert", "hello");
    await eventually(() => expect([annUser, bobUser]).toEqual([[{ level: 1 }], ["hello"]]));
    bob.disconnect();
    await eventually(() => expect(watched.at(-1)).toEqual(["offline", ["bob"]]));
    ann.disconnect();
  });

  test("Laravel Echo: public, private and presence channels, whispers", async () => {
    const client = await application.connect(first, { id: "ann", info: { name: "Ann" } });
    const other = await application.connect(second, { id: "bob", info: { name: "Bob" } });
    const [echo, otherEcho] = [client, other].map(
      (each) => new Echo({ broadcaster: "pusher", client: each, key: "app-key", namespace: false }),
    );
    const got: unknown[] = [];
    echo?.channel("news").listen(".posted", (data: unknown) => got.push(["posted", data]));
    echo?.private("chat").listenForWhisper("typing", (data: unknown) => got.push(["typing", data]));
    const here: unknown[] = [];
    echo?.join("lobby").here((users: unknown) => here.push(users));
    let isReady = false;
    otherEcho?.private("chat").subscribed(() => {
      isReady = true;
    });
    await eventually(() => expect([isReady, here]).toEqual([true, [[{ name: "Ann" }]]]));
    await eventually(() => expect(client.channel("private-chat").subscribed).toBe(true));
    otherEcho?.private("chat").whisper("typing", { who: "bob" });
    await eventually(() => expect(client.channel("news").subscribed).toBe(true));
    await publish("news", "posted", { id: 1 });
    await eventually(() =>
      expect(got).toEqual(
        expect.arrayContaining([
          ["typing", { who: "bob" }],
          ["posted", { id: 1 }],
        ]),
      ),
    );
    for (const each of [client, other]) each.disconnect();
  });
});

describe("pusher-js when a gateway goes", () => {
  test("drained or killed, clients come back elsewhere and are subscribed again", async () => {
    await using nats = await NatsServer.start();
    const args = ["--config", await writeConfig(CONFIG), "--nats", nats.url];
    const drained = await CarillonProcess.start("gateway", args);
    const killed = await CarillonProcess.start("gateway", args);
    await using last = await CarillonProcess.start("gateway", args);
    let target = drained;
    // What a load balancer is to them.
    await using balancer = await TcpProxy.start({ targetPort: () => Number(new URL(target.url).port) });
    await using application = await PusherApplication.start(last);
    const client = await application.connect({ url: `http://127.0.0.1:${balancer.port}` }, { id: "ann" });
    const events = heard(client, "private-room");
    await eventually(() => expect(events).toEqual([succeeded]));

    target = killed;
    expect(await drained.stop()).toBe(0);
    await eventually(() => expect(events).toEqual([succeeded, succeeded]));
    target = last;
    await killed.kill();
    await eventually(() => expect(events).toEqual([succeeded, succeeded, succeeded]));
    expect(client.connection.state).toBe("connected");
  }, 60_000);

  test("users and subscribers of a gateway that was killed are gone within ten seconds", async () => {
    await using nats = await NatsServer.start();
    const args = ["--config", await writeConfig(CONFIG), "--nats", nats.url];
    await using staying = await CarillonProcess.start("gateway", args);
    const killed = await CarillonProcess.start("gateway", args);
    await using application = await PusherApplication.start(staying);
    const ann = await application.connect(staying, { id: "ann", watchlist: ["bob"] });
    const bob = await application.connect(killed, { id: "bob" });
    bob.signin();
    await eventually(() => expect(bob.user.user_data).toMatchObject({ id: "bob" }));
    const watched: unknown[] = [];
    for (const name of ["online", "offline"]) ann.user.watchlist.bind(name, () => watched.push(name));
    ann.signin();
    const room = heard(ann, "presence-room");
    heard(bob, "presence-room");
    for (const client of [ann, bob]) client.subscribe("orders");
    await eventually(() => {
      expect(watched).toEqual(["online"]);
      expect(ann.channel("orders").subscriptionCount).toBe(2);
      expect((ann.channel("presence-room") as unknown as { members: { count: number } }).members.count).toBe(2);
    });
    await killed.kill();
    await eventually(
      () => {
        expect(watched).toEqual(["online", "offline"]);
        expect(ann.channel("orders").subscriptionCount).toBe(1);
        expect(room.at(-1)).toMatchObject({ event: "pusher:member_removed", data: { id: "bob" } });
      },
      { timeoutMs: 10_000 },
    );
    // It would go on trying for ever.
    bob.disconnect();
  }, 60_000);

  test("many clients are drained in slices, so that they come back as a trickle", async () => {
    await using nats = await NatsServer.start();
    const args = ["--config", await writeConfig(CONFIG), "--nats", nats.url];
    const leaving = await CarillonProcess.start("gateway", args);
    await using application = await PusherApplication.start(leaving);
    const clients = await Promise.all(
      Array.from({ length: 40 }, (_, index) => application.connect(leaving, { id: `user-${index}` })),
    );
    const leftAtMs: number[] = [];
    for (const client of clients) {
      client.connection.bind("state_change", ({ previous }: { previous: string }) => {
        if (previous === "connected") leftAtMs.push(performance.now());
      });
    }
    expect(await leaving.stop()).toBe(0);
    await eventually(() => expect(leftAtMs).toHaveLength(clients.length));
    // Ten slices over a second: most of that time passes between the first and the last.
    expect(Math.max(...leftAtMs) - Math.min(...leftAtMs)).toBeGreaterThan(400);
  }, 60_000);
});
