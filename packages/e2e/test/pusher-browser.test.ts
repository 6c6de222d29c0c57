import { eventually, TcpProxy } from "@carillon/testkit";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBrowser } from "./support/browser.ts";
import { DEPLOYMENTS } from "./support/deployments.ts";
import { PusherApplication } from "./support/pusher-app.ts";
import { PusherPage } from "./support/pusher-page.ts";

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

const SUCCEEDED = "pusher:subscription_succeeded";
const COUNT = "pusher:subscription_count";

let browser: Browser;

beforeAll(async () => {
  browser = await startBrowser();
});

afterAll(async () => {
  await browser?.close();
});

/** What the page shows of a channel, but for numbers of subscribers, which come to everybody at their own time. */
async function events(page: PusherPage, channel: string): Promise<unknown[]> {
  return (await page.shown(channel))
    .filter(({ event }) => event !== COUNT)
    .map(({ event, data, from }) => (from === undefined ? [event, data] : [event, data, from]));
}

describe.each(DEPLOYMENTS)("pusher-js in Chromium › %s", (_where, deploy) => {
  test("P13–P32 › public, private and presence channels, client events, numbers of subscribers", async () => {
    await using deployment = await deploy(CONFIG);
    const [first, second, third] = deployment.gateways;
    await using application = await PusherApplication.start(deployment.publisher);
    const [ann, bob] = [
      { id: "ann", info: { name: "Ann" } },
      { id: "bob", info: { name: "Bob" } },
    ];
    await using page = await PusherPage.open(browser, application, { to: first, visitor: ann });
    for (const channel of ["orders", "private-room", "private-forbidden", "presence-lobby"]) await page.follow(channel);
    await eventually(async () => {
      expect(await events(page, "orders")).toEqual([[SUCCEEDED, {}]]);
      expect(await events(page, "private-room")).toEqual([[SUCCEEDED, {}]]);
      expect(await events(page, "presence-lobby")).toHaveLength(1);
      expect(await events(page, "private-forbidden")).toEqual([
        ["pusher:subscription_error", expect.objectContaining({ type: "AuthError", status: 403 })],
      ]);
    });

    const values = [{ total: 42.5 }, "ünï-7", 7, null];
    for (const value of values) await application.pusher.trigger(["orders", "private-room"], "created", value);
    const created = values.map((value) => ["created", value]);
    await eventually(async () => {
      expect(await events(page, "orders")).toEqual([[SUCCEEDED, {}], ...created]);
      expect(await events(page, "private-room")).toEqual([[SUCCEEDED, {}], ...created]);
    });

    const other = await application.connect(second, bob);
    const heard: unknown[] = [];
    for (const channel of ["private-room", "presence-lobby"]) {
      other.subscribe(channel).bind("client-hi", (data: unknown, metadata: unknown) => heard.push([data, metadata]));
    }
    other.subscribe("orders");
    await eventually(() => expect(other.allChannels().every(({ subscribed }) => subscribed)).toBe(true));
    const both = { ann: ann.info, bob: bob.info };
    await eventually(async () => {
      expect(await page.members("presence-lobby")).toEqual({ count: 2, me: ann, members: both });
    });
    await page.trigger("private-room", "client-hi", { from: "page" });
    await page.trigger("presence-lobby", "client-hi", "text");
    await eventually(() =>
      expect(heard).toEqual([
        [{ from: "page" }, {}],
        ["text", { user_id: "ann" }],
      ]),
    );
    other.channel("private-room").trigger("client-hi", { from: "other" });
    other.channel("presence-lobby").trigger("client-hi", [1]);
    await eventually(async () => {
      expect((await events(page, "private-room")).at(-1)).toEqual(["client-hi", { from: "other" }]);
      expect((await events(page, "presence-lobby")).at(-1)).toEqual(["client-hi", [1], "bob"]);
    });

    const last = await application.connect(third, { id: "eve" });
    last.subscribe("orders");
    const counts = async () => (await page.shown("orders")).filter(({ event }) => event === COUNT);
    await eventually(async () => expect((await counts()).at(-1)?.data).toEqual({ subscription_count: 3 }));
    for (const client of [other, last]) client.disconnect();
    await eventually(async () => {
      expect((await counts()).at(-1)?.data).toEqual({ subscription_count: 1 });
      expect(await events(page, "presence-lobby")).toEqual([
        [SUCCEEDED, expect.objectContaining({ count: 1, me: ann })],
        ["pusher:member_added", bob],
        ["client-hi", [1], "bob"],
        ["pusher:member_removed", bob],
      ]);
    });
    expect(await page.members("presence-lobby")).toEqual({ count: 1, me: ann, members: { ann: ann.info } });
    expect(page.errors).toEqual([]);
  }, 60_000);

  test("P17, P18, P33–P35 › encrypted and cache channels, a user's events, and the end of a user's connections", async () => {
    await using deployment = await deploy(CONFIG);
    const [first, second] = deployment.gateways;
    await using application = await PusherApplication.start(deployment.publisher);
    const { pusher } = application;
    await using page = await PusherPage.open(browser, application, { to: first, visitor: { id: "ann" } });
    await using stranger = await PusherPage.open(browser, application, { to: second, visitor: { id: "bob" } });
    for (const channel of ["private-encrypted-vault", "cache-price"]) await page.follow(channel);
    const miss = ["pusher:cache_miss", {}];
    await eventually(async () => {
      expect(await events(page, "private-encrypted-vault")).toEqual([[SUCCEEDED, {}]]);
      expect(await events(page, "cache-price")).toEqual([[SUCCEEDED, {}], miss]);
    });
    await pusher.trigger("private-encrypted-vault", "opened", { secret: "ßecret" });
    for (const eur of [1, 2]) await pusher.trigger("cache-price", "price", { eur });
    await eventually(async () => {
      expect((await events(page, "private-encrypted-vault")).at(-1)).toEqual(["opened", { secret: "ßecret" }]);
      expect((await events(page, "cache-price")).slice(2)).toEqual([
        ["price", { eur: 1 }],
        ["price", { eur: 2 }],
      ]);
    });
    await stranger.follow("cache-price");
    const cached = [
      [SUCCEEDED, {}],
      ["price", { eur: 2 }],
    ];
    await eventually(async () => expect(await events(stranger, "cache-price")).toEqual(cached));

    for (const each of [page, stranger]) await each.signIn();
    await eventually(async () => {
      for (const each of [page, stranger]) {
        expect(await events(each, "user")).toEqual([["pusher:signin_success", expect.anything()]]);
      }
    });
    await pusher.sendToUser("ann", "alert", { level: 1 });
    await pusher.sendToUser("bob", "alert", { level: 2 });
    await eventually(async () => {
      expect((await events(page, "user")).slice(1)).toEqual([["alert", { level: 1 }]]);
      expect((await events(stranger, "user")).slice(1)).toEqual([["alert", { level: 2 }]]);
    });
    await pusher.terminateUserConnections("ann");
    await eventually(async () => expect(await page.state()).toBe("disconnected"));
    expect(await stranger.state()).toBe("connected");
    expect([...page.errors, ...stranger.errors]).toEqual([]);
  }, 60_000);

  test("P39 › its gateway killed, the page comes back elsewhere: subscribed, signed in and a member again", async () => {
    await using deployment = await deploy(CONFIG);
    const [killed] = deployment.gateways;
    let target = killed;
    // What a load balancer is to the page.
    await using balancer = await TcpProxy.start({ targetPort: () => Number(new URL(target.url).port) });
    const to = { url: `http://127.0.0.1:${balancer.port}` };
    await using application = await PusherApplication.start(deployment.publisher);
    await using page = await PusherPage.open(browser, application, { to, visitor: { id: "ann" } });
    const channels = ["orders", "private-room", "presence-lobby"];
    for (const channel of channels) await page.follow(channel);
    await page.signIn();
    const times = async (channel: string, event: string) =>
      (await page.shown(channel)).filter((each) => each.event === event).length;
    await eventually(async () => {
      for (const channel of channels) expect(await times(channel, SUCCEEDED)).toBe(1);
      expect(await times("user", "pusher:signin_success")).toBe(1);
    });
    target = deployment.nats === null ? await deployment.addGateway() : deployment.gateways[1];
    await killed.kill();
    await eventually(async () => {
      for (const channel of channels) expect(await times(channel, SUCCEEDED)).toBe(2);
      expect(await times("user", "pusher:signin_success")).toBe(2);
    });
    expect(await page.state()).toBe("connected");

    // In one process the publisher went with it.
    await using after = await PusherApplication.start(deployment.nats === null ? target : deployment.publisher);
    await after.pusher.trigger(["orders", "private-room", "presence-lobby"], "back", { once: true });
    await after.pusher.sendToUser("ann", "back", { once: true });
    await eventually(async () => {
      for (const channel of [...channels, "user"]) {
        expect((await events(page, channel)).at(-1)).toEqual(["back", { once: true }]);
        expect(await times(channel, "back")).toBe(1);
      }
    });
    expect(page.errors).toEqual([]);
  }, 60_000);
});
