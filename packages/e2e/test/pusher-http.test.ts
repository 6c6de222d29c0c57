import { eventually, NativeClient, PusherClient } from "@carillon/testkit";
import NodePusher from "pusher";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CarillonProcess } from "./support/carillon-process.ts";
import { GUIDE_CONFIG } from "./support/config-file.ts";
import { DEPLOYMENTS, type Deployment, threeGateways } from "./support/deployments.ts";
import { pusherSdks } from "./support/pusher-sdks.ts";
import { carillon } from "./support/run.ts";

const SDKS = pusherSdks();

describe.each(DEPLOYMENTS)("Pusher's server SDKs › %s", (_where, deploy) => {
  let deployment: Deployment;
  let sdk: NodePusher;

  beforeAll(async () => {
    deployment = await deploy(GUIDE_CONFIG);
    const { hostname: host, port } = new URL(deployment.publisher.url);
    sdk = new NodePusher({ appId: "1001", key: "app-key", secret: "app-secret", host, port, useTLS: false });
  });

  afterAll(async () => {
    await deployment?.[Symbol.asyncDispose]();
  });

  function open(index: 0 | 1 | 2, query = ""): Promise<NativeClient> {
    return NativeClient.open(deployment.gateways[index].webSocketUrl + query);
  }

  async function enter(index: 0 | 1 | 2, channel: string, user: string): Promise<NativeClient> {
    const client = await open(index);
    const { auth, channel_data: data } = sdk.authorizeChannel(client.connectionId, channel, { user_id: user });
    await client.subscribe(channel, { token: auth, data });
    return client;
  }

  async function signIn(index: 0 | 1 | 2, user: string): Promise<NativeClient> {
    const { stdout } = await carillon(["token", "connection", "--config", deployment.configFile, "--user", user]);
    return open(index, `?token=${stdout.trim()}`);
  }

  async function signInByPusher(index: 0 | 1 | 2, user: string): Promise<PusherClient> {
    const address = deployment.gateways[index].url.replace("http:", "ws:");
    const client = await PusherClient.open(`${address}/app/app-key?protocol=7`);
    client.send("pusher:signin", sdk.authenticateUser(client.socketId, { id: user }));
    await client.next("pusher:signin_success");
    return client;
  }

  test.for(SDKS)(
    "$name › triggers, batches, asks, terminates, and raises what is refused",
    async ({ name, lacks, errorFor, run }, { skip }) => {
      if (run === null) return skip(`${name} is not on this machine`);
      await using excluded = await open(0);
      await using remote = await open(1);
      for (const client of [excluded, remote]) await client.subscribe(`${name}-a`);
      for (const client of [excluded, remote]) await client.subscribe(`${name}-b`);
      await using member = await enter(0, `presence-${name}`, "ann");
      await using user = await signIn(1, `u-${name}`);
      await using pusherUser = await signInByPusher(2, `u-${name}`);
      await using other = await signIn(1, `u-${name}-other`);

      const steps = await run({ url: deployment.publisher.url, socketId: excluded.connectionId });
      const worked = ["trigger", "batch", "channels", "channel", "users", "sendToUser", "terminate"];
      for (const what of worked.filter((each) => !lacks.includes(each))) {
        expect({ what, ...steps[what] }).toMatchObject({ what, ok: true });
      }
      expect(steps["channels"]?.value).toEqual({ channels: { [`presence-${name}`]: { user_count: 1 } } });
      expect(steps["channel"]?.value).toEqual({ occupied: true, user_count: 1, subscription_count: 1 });
      expect(steps["users"]?.value).toEqual({ users: [{ id: "ann" }] });
      for (const [what, status] of [
        ["wrongSecret", 401],
        ["wrongInfo", 400],
        ["tooLarge", 413],
      ] as const) {
        if (lacks.includes(what)) continue;
        expect({ what, ...steps[what] }).toEqual({ what, ok: false, error: expect.stringMatching(errorFor(status)) });
      }

      // Last on both channels: whoever has it has all that came before.
      await sdk.trigger([`${name}-a`, `${name}-b`], "end", null);
      const heard = async (client: NativeClient, channel: string): Promise<unknown[]> => {
        await eventually(() => {
          expect(client.deliveries.filter(({ event }) => event === "end")).toHaveLength(2);
        });
        const events = client.deliveries.filter((each) => each.channel === channel && each.event !== "end");
        return events.map(({ event, payload }) => [event, payload]);
      };
      const [plain, object] = [
        ["two", "plain text"],
        ["three", { n: 3 }],
      ];
      expect(await heard(remote, `${name}-a`)).toEqual([["one", { from: name }], plain]);
      expect(await heard(remote, `${name}-b`)).toEqual([["one", { from: name }], object]);
      expect(await heard(excluded, `${name}-a`)).toEqual([plain]);
      expect(await heard(excluded, `${name}-b`)).toEqual([object]);
      if (!lacks.includes("sendToUser")) {
        expect(await pusherUser.next("hello")).toEqual({
          event: "hello",
          channel: `#server-to-user-u-${name}`,
          data: "{}",
        });
      }
      if (!lacks.includes("terminate")) {
        expect((await user.closed).code).toBe(4013);
        expect((await pusherUser.closed).code).toBe(4009);
      }
      for (const client of [member, other])
        expect(await client.request({ type: "ping" })).toMatchObject({ type: "pong" });
    },
  );

  test("numbers of a trigger, a repeat with an idempotency key, a cached event, over the cluster", async () => {
    await using client = await open(1);
    await client.subscribe("counted");
    const info = { info: "subscription_count" };
    const counted = await sdk.trigger("counted", "e", { n: 1 }, info);
    expect(await counted.json()).toEqual({ channels: { counted: { subscription_count: 1 } } });
    const keyed = { idempotency_key: "order-1" } as object;
    for (let times = 0; times < 3; times++) await sdk.trigger("counted", "paid", { order: 1 }, keyed);
    await sdk.trigger("counted", "end", null);
    await client.nextFrame((frame) => frame["event"] === "end");
    expect(client.deliveries.map(({ event }) => event)).toEqual(["e", "paid", "end"]);

    await sdk.trigger("cache-price", "price", { eur: 3 });
    const cached = await sdk.get({ path: "/channels/cache-price", params: { info: "cache" } });
    expect(await cached.json()).toEqual({ occupied: false, cache: { data: '{"eur":3}', ttl: expect.any(Number) } });
  });

  if (deploy === threeGateways) {
    test("NATS away › an SDK is told by a 503 that says so, and goes on when it is back", async () => {
      await deployment.nats?.kill();
      await eventually(async () => {
        const refused = await sdk.trigger("news", "lost", 1).then(
          () => null,
          (error: { readonly status: number; readonly body: string }) => error,
        );
        expect(refused).toMatchObject({ status: 503, body: expect.stringContaining('{"error":') });
      });
      await deployment.nats?.restart();
      await eventually(async () => expect((await sdk.trigger("news", "back", 2)).status).toBe(200));
    });
  }
});

test("carillon dev › an SDK with what its banner says works on its one port", async () => {
  await using dev = await CarillonProcess.start("dev");
  await using client = await NativeClient.open(dev.webSocketUrl);
  await client.subscribe("orders");
  const { hostname: host, port } = new URL(dev.url);
  const sdk = new NodePusher({ appId: "1001", key: "app-key", secret: "app-secret", host, port, useTLS: false });
  await sdk.trigger("orders", "created", { id: 7 });
  expect(await client.events(1)).toMatchObject([{ channel: "orders", event: "created", payload: { id: 7 } }]);
});
