import { MemoryBlockStore } from "@carillon/core";
import { systemClock } from "@carillon/service";
import { eventually, type PusherClient } from "@carillon/testkit";
import { TestGateway, testApp } from "@carillon/testkit/gateway";
import { describe, expect, it } from "vitest";
import { GatewayCluster } from "../support/gateway-cluster.ts";
import { dataOf, open, signIn } from "./support/pusher-user.ts";

const WATCHLIST = "pusher_internal:watchlist_events";

/** What a client was told of others, as `+id` and `-id`. */
function told(client: PusherClient): string[] {
  return client.all(WATCHLIST).flatMap((frame) => {
    const { events } = dataOf(frame) as { events: { name: string; user_ids: string[] }[] };
    return events.flatMap(({ name, user_ids: ids }) => ids.map((id) => (name === "online" ? `+${id}` : `-${id}`)));
  });
}

async function signInRaw(gateway: TestGateway, client: PusherClient, userData: string, auth?: string): Promise<void> {
  client.send("pusher:signin", { auth: auth ?? gateway.userToken(client.socketId, userData), user_data: userData });
}

describe("sign-in", () => {
  it("P33 › is answered with the same data, byte for byte, and may be repeated", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    const userData = '{"id": "u-1", "user_info": {"name": "Zoë"}}';
    await signInRaw(gateway, client, userData);
    expect(await client.next("pusher:signin_success")).toEqual({
      event: "pusher:signin_success",
      data: { user_data: userData },
    });
    await signIn(gateway, client, { id: "u-1" });
  });

  it.each([
    ["a wrong signature", '{"id":"u-1"}', "app-key:0000"],
    ["no JSON", "{", undefined],
    ["no id", "{}", undefined],
    ["an empty id", '{"id":""}', undefined],
    ["a number", '{"id":7}', undefined],
    ["a malformed watchlist", '{"id":"u-1","watchlist":[7]}', undefined],
    ["a very long info", JSON.stringify({ id: "u-1", user_info: "x".repeat(1024) }), undefined],
  ])("P34 › %s: pusher:error and close 4009", async (_what, userData, auth) => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    await signInRaw(gateway, client, userData, auth);
    expect(await client.closed).toMatchObject({ code: 4009 });
    expect(client.all("pusher:error").map(({ data }) => data)).toEqual([
      { code: 4009, message: expect.stringMatching(/\w{3}/) },
    ]);
  });

  it("P34 › a blocked user is ended, whether signed in already or not", async () => {
    const blocks = new MemoryBlockStore({ clock: systemClock });
    await using gateway = await TestGateway.start({ blocks });
    await using inside = await open(gateway);
    await signIn(gateway, inside, { id: "mallory" });
    const expiresAtMs = Date.now() + 60_000;
    await blocks.put({ appId: gateway.apps.first.id, kind: "user", id: "mallory", reason: null, expiresAtMs });
    expect((await inside.closed).code).toBe(4014);
    await using outside = await open(gateway);
    await signInRaw(gateway, outside, '{"id":"mallory"}');
    expect((await outside.closed).code).toBe(4014);
    expect(outside.all("pusher:signin_success")).toEqual([]);
  });

  it("P34 › another user on the same connection ends it", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    await signIn(gateway, client, { id: "u-1" });
    await signInRaw(gateway, client, '{"id":"u-2"}');
    expect(await client.closed).toMatchObject({ code: 4009 });
  });

  it("P34 › an app that has it off says so, and the connection lives on", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp({ userAuthentication: false })] });
    await using client = await open(gateway);
    await signInRaw(gateway, client, '{"id":"u-1"}');
    expect((await client.next("pusher:error")).data).toMatchObject({ code: null });
    await client.settle();
  });
});

describe("events for a user", () => {
  it("P35 › reach every connection of that user once, subscribed or not, and nobody else", async () => {
    await using cluster = await GatewayCluster.start(2);
    const channel = "#server-to-user-u|1";
    const [laptop, phone, other] = [await open(cluster.at(0)), await open(cluster.at(1)), await open(cluster.at(0))];
    await signIn(cluster.at(0), laptop, { id: "u|1" });
    await signIn(cluster.at(1), phone, { id: "u|1" });
    await signIn(cluster.at(0), other, { id: "u-2" });
    expect(await laptop.subscribe(channel, { auth: "" })).toEqual({
      event: "pusher_internal:subscription_succeeded",
      channel,
      data: "{}",
    });
    // Still told after it has unsubscribed: it is signed in.
    phone.send("pusher:unsubscribe", { channel });
    expect((await other.subscribe(channel, { auth: "" })).data).toMatchObject({ type: "AuthError", status: 401 });
    await phone.settle();
    await cluster.at(1).publish(channel, "hello", { you: 1 });
    await cluster.at(1).publish(channel, "end", 1);
    for (const client of [laptop, phone]) {
      await client.next("end");
      expect(client.all("hello")).toEqual([{ event: "hello", channel, data: '{"you":1}' }]);
    }
    await other.settle();
    expect(other.all("hello")).toEqual([]);
    await Promise.all([laptop, phone, other].map((client) => client[Symbol.asyncDispose]()));
  });

  it("P35 › a connection on which nobody signed in gets none of the server's channels", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    expect((await client.subscribe("#server-to-user-u-1", { auth: "" })).event).toBe("pusher:subscription_error");
    expect((await client.subscribe("#online", { auth: "" })).data).toMatchObject({ type: "InvalidRequest" });
  });
});

describe("watchlists", () => {
  it("P36 › who is online at first, then each change once, over gateways", async () => {
    await using cluster = await GatewayCluster.start(2, { settings: { presenceGraceMs: 0 } });
    const [first, second] = [cluster.at(0), cluster.at(1)];
    await using bob = await open(second);
    await signIn(second, bob, { id: "bob" });
    await using ann = await open(first);
    await signIn(first, ann, { id: "ann", watchlist: ["bob", "eve", "ann"] });
    await ann.next(WATCHLIST);
    expect(dataOf(ann.all(WATCHLIST)[0])).toEqual({
      events: [
        { name: "online", user_ids: ["bob", "ann"] },
        { name: "offline", user_ids: ["eve"] },
      ],
    });
    expect(ann.frames.findIndex(({ event }) => event === WATCHLIST)).toBeGreaterThan(
      ann.frames.findIndex(({ event }) => event === "pusher:signin_success"),
    );
    const eves = await Promise.all([open(first), open(second)]);
    await signIn(first, eves[0] as PusherClient, { id: "eve" });
    await eventually(() => expect(told(ann).slice(3)).toEqual(["+eve"]));
    await signIn(second, eves[1] as PusherClient, { id: "eve" });
    eves[0]?.terminate();
    bob.terminate();
    await eventually(() => expect(told(ann).slice(3)).toEqual(["+eve", "-bob"]));
    eves[1]?.terminate();
    await eventually(() => expect(told(ann).slice(3)).toEqual(["+eve", "-bob", "-eve"]));
    await Promise.all([...eves.map(({ closed }) => closed), bob.closed]);
  });

  it("P36 › those of a gateway that goes are offline; another sign-in replaces the list", async () => {
    await using cluster = await GatewayCluster.start(2, { settings: { presenceGraceMs: 0 } });
    await using bob = await open(cluster.at(1));
    await signIn(cluster.at(1), bob, { id: "bob" });
    await using ann = await open(cluster.at(0));
    await signIn(cluster.at(0), ann, { id: "ann", watchlist: ["eve"] });
    await signIn(cluster.at(0), ann, { id: "ann", watchlist: ["bob"] });
    await eventually(() => expect(told(ann)).toEqual(["-eve", "+bob"]));
    const [leaving] = cluster.all.splice(1);
    await leaving?.[Symbol.asyncDispose]();
    await eventually(() => expect(told(ann)).toEqual(["-eve", "+bob", "-bob"]));
    await leaving?.bus.close();
  });

  it("P37 › over a hundred: the first hundred, and 4302", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    const watchlist = Array.from({ length: 101 }, (_, index) => `u-${index}`);
    await signIn(gateway, client, { id: "ann", watchlist: ["u-0", ...watchlist] });
    expect((await client.next("pusher:error")).data).toMatchObject({ code: 4302 });
    expect(told(client)).toEqual(watchlist.slice(0, 100).map((id) => `-${id}`));
    await client.settle();
  });

  it("P36 › an app that has it off tells nothing", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp({ watchlist: false })] });
    await using client = await open(gateway);
    await signIn(gateway, client, { id: "ann", watchlist: ["ann"] });
    await client.settle();
    expect(client.all(WATCHLIST)).toEqual([]);
  });
});
