import { eventually, NativeClient, type PusherClient, type PusherFrame } from "@carillon/testkit";
import { testApp } from "@carillon/testkit/gateway";
import { describe, expect, it } from "vitest";
import { GatewayCluster } from "../support/gateway-cluster.ts";
import { dataOf, enter, open, privateAuth, signIn } from "./support/pusher-user.ts";

const CHANNEL = "presence-room";
const added = (client: PusherClient) => client.all("pusher_internal:member_added", CHANNEL).map(dataOf);
const removed = (client: PusherClient) => client.all("pusher_internal:member_removed", CHANNEL).map(dataOf);
const refused = (frame: PusherFrame) => frame.data as { type: string; status: number };

describe("presence", () => {
  it("P19, P21 › the answer lists all with the joiner, in whatever letters; ids are text", async () => {
    await using cluster = await GatewayCluster.start(2);
    await using ann = await open(cluster.at(0));
    await using bob = await open(cluster.at(1));
    await enter(cluster.at(0), ann, CHANNEL, { user_id: "__proto__", user_info: { name: 'Zoë "Z"' } });
    const answer = await enter(cluster.at(1), bob, CHANNEL, { user_id: 7 });
    expect(Object.keys(answer)).toEqual(["event", "channel", "data"]);
    // Not toEqual of an object with a __proto__ of its own: the text is what counts.
    expect(answer.data).toBe(
      '{"presence":{"ids":["7","__proto__"],"hash":{"7":null,"__proto__":{"name":"Zoë \\"Z\\""}},"count":2}}',
    );
  });

  it.each([
    ["0", "0"],
    ["-7", "-7"],
    ["9007199254740991", "9007199254740991"],
    ["9007199254740993", "9007199254740993"],
    ["-9223372036854775808", "-9223372036854775808"],
    ["1234567890123456789", "1234567890123456789"],
    ["9".repeat(128), "9".repeat(128)],
    ["1e3", "1000"],
  ])("P19 › the user id %s, a number, is a member's as it was written", async (number, id) => {
    await using cluster = await GatewayCluster.start(1);
    await using client = await open(cluster.at(0));
    const data = `{"user_info": null, "user_id": ${number} }`;
    const answer = await client.subscribe(CHANNEL, privateAuth(cluster.at(0), client, CHANNEL, data));
    expect(answer.data).toBe(`{"presence":{"ids":["${id}"],"hash":{"${id}":null},"count":1}}`);
  });

  it("P19, P20, P21, P22 › information about users comes byte for byte, signed for the channel or for the connection", async () => {
    await using cluster = await GatewayCluster.start(2);
    await using ann = await open(cluster.at(0));
    await using bob = await open(cluster.at(1));
    const info = '{"account": 1234567890123456789,"rate":1.0, "name":"Zo\\u00eb","a":1,"a":[ 2E0 ]}';
    const data = `{"user_info":0,"user_id":"ann","user_inf\\u006f": ${info} }`;
    const answer = await ann.subscribe(CHANNEL, privateAuth(cluster.at(0), ann, CHANNEL, data));
    expect(answer.data).toBe(`{"presence":{"ids":["ann"],"hash":{"ann":${info}},"count":1}}`);
    const userData = `{"id":"bob","user_info":${info}}`;
    bob.send("pusher:signin", { auth: cluster.at(1).userToken(bob.socketId, userData), user_data: userData });
    await bob.subscribe(CHANNEL, privateAuth(cluster.at(1), bob, CHANNEL));
    const { data: told } = await ann.next("pusher_internal:member_added");
    expect(told).toBe(`{"user_id":"bob","user_info":${info}}`);
  });

  it("P22 › members come and go once, whatever connections they have, over gateways", async () => {
    await using cluster = await GatewayCluster.start(2, { settings: { presenceGraceMs: 0 } });
    const [first, second] = [cluster.at(0), cluster.at(1)];
    await using ann = await open(first);
    await using bob = await open(second);
    await using tab = await open(first);
    await enter(first, ann, CHANNEL, { user_id: "ann", user_info: { n: 1 } });
    await enter(second, bob, CHANNEL, { user_id: "bob", user_info: { n: 2 } });
    await eventually(() => expect(added(ann)).toEqual([{ user_id: "bob", user_info: { n: 2 } }]));
    const answer = await enter(first, tab, CHANNEL, { user_id: "bob", user_info: { n: 3 } });
    expect(dataOf(answer)).toMatchObject({ presence: { ids: ["ann", "bob"], count: 2 } });
    // The connection that came first goes: the user is still there, and nobody is told of it again.
    bob.send("pusher:unsubscribe", { channel: CHANNEL });
    await bob.settle();
    tab.terminate();
    await eventually(() => expect(removed(ann)).toEqual([{ user_id: "bob" }]));
    expect(added(ann)).toHaveLength(1);
    expect(added(bob)).toEqual([]);
    expect(removed(bob)).toEqual([]);
  });

  it("P22 › a reconnect within the grace is told to nobody", async () => {
    await using cluster = await GatewayCluster.start(1);
    const gateway = cluster.at(0);
    await using ann = await open(gateway);
    await enter(gateway, ann, CHANNEL, { user_id: "ann" });
    const bob = await open(gateway);
    await enter(gateway, bob, CHANNEL, { user_id: "bob" });
    bob.terminate();
    await bob.closed;
    await using back = await open(gateway);
    await enter(gateway, back, CHANNEL, { user_id: "bob" });
    await using eve = await open(gateway);
    await enter(gateway, eve, CHANNEL, { user_id: "eve" });
    await eventually(() => expect(added(ann).at(-1)).toMatchObject({ user_id: "eve" }));
    expect(added(ann)).toHaveLength(2);
    expect(removed(ann)).toEqual([]);
  });

  it("P21, P22 › who comes back with another user_info goes and comes, and finds it in its own answer", async () => {
    await using cluster = await GatewayCluster.start(2);
    const gateway = cluster.at(0);
    await using ann = await open(cluster.at(1));
    await enter(cluster.at(1), ann, CHANNEL, { user_id: "ann" });
    const bob = await open(gateway);
    await enter(gateway, bob, CHANNEL, { user_id: "bob", user_info: { name: "Bob" } });
    await eventually(() => expect(added(ann)).toHaveLength(1));
    bob.terminate();
    await bob.closed;
    await using back = await open(gateway);
    const answer = await enter(gateway, back, CHANNEL, { user_id: "bob", user_info: { name: "Robert" } });
    expect(dataOf(answer)).toMatchObject({ presence: { hash: { ann: null, bob: { name: "Robert" } } } });
    await eventually(() => expect(added(ann).at(-1)).toEqual({ user_id: "bob", user_info: { name: "Robert" } }));
    expect(removed(ann)).toEqual([{ user_id: "bob" }]);
    // On another gateway it is not known at once that the first connection has gone; whoever comes sees itself all the same.
    await using away = await open(cluster.at(1));
    const other = await enter(cluster.at(1), away, CHANNEL, { user_id: "bob", user_info: { name: "Bobby" } });
    expect(dataOf(other)).toMatchObject({ presence: { hash: { bob: { name: "Bobby" } } } });
  });

  it("P22 › who was sent away for good is gone at once", async () => {
    await using cluster = await GatewayCluster.start(1, { settings: { presenceGraceMs: 60_000 } });
    const gateway = cluster.at(0);
    await using ann = await open(gateway);
    await enter(gateway, ann, CHANNEL, { user_id: "ann" });
    await using bob = await open(gateway);
    await enter(gateway, bob, CHANNEL, { user_id: "bob" });
    await gateway.control.disconnect(gateway.apps.first.id, { kind: "user", id: "bob" });
    await eventually(() => expect(removed(ann)).toEqual([{ user_id: "bob" }]));
  });

  it.each([
    ["no data at all", undefined],
    ["no JSON", "{"],
    ["no map", "[]"],
    ["no id", "{}"],
    ["an empty id", '{"user_id":""}'],
    ["null", '{"user_id":null}'],
    ["a long id", JSON.stringify({ user_id: "x".repeat(129) })],
    ["half an id", '{"user_id":1.5}'],
    ["a number that is too long", `{"user_id":${"9".repeat(129)}}`],
    ["a large number that is not written as a whole one", '{"user_id":9007199254740993.0}'],
    ["a long info", JSON.stringify({ user_id: "x", user_info: "y".repeat(1024) })],
  ])("P19 › %s is refused", async (_what, data) => {
    await using cluster = await GatewayCluster.start(1);
    await using client = await open(cluster.at(0));
    const answer = await client.subscribe(CHANNEL, privateAuth(cluster.at(0), client, CHANNEL, data));
    expect(refused(answer)).toMatchObject({ type: "InvalidRequest", status: 400 });
  });

  it("P20 › without channel_data the member is the user who signed in", async () => {
    await using cluster = await GatewayCluster.start(1);
    const gateway = cluster.at(0);
    await using client = await open(gateway);
    await signIn(gateway, client, { id: "ann", user_info: { name: "Ann" } });
    const answer = await client.subscribe(CHANNEL, privateAuth(gateway, client, CHANNEL));
    expect(dataOf(answer)).toEqual({ presence: { ids: ["ann"], hash: { ann: { name: "Ann" } }, count: 1 } });
  });

  it("P23 › one user too many is refused, a further connection of one who is there is not", async () => {
    const apps = [testApp({ limits: { presenceMembers: 2 } })];
    await using cluster = await GatewayCluster.start(2, { apps });
    const names = ["ann", "bob", "eve", "ann"];
    const answers: PusherFrame[] = [];
    for (const [index, name] of names.entries()) {
      const gateway = cluster.at(index % 2);
      answers.push(await enter(gateway, await open(gateway), CHANNEL, { user_id: name }));
    }
    expect(answers.map(({ event }) => event === "pusher_internal:subscription_succeeded")).toEqual([
      true,
      true,
      false,
      true,
    ]);
    expect(refused(answers[2] as PusherFrame)).toMatchObject({ type: "LimitReached" });
  });

  it("P24 › a channel with very many users only counts", async () => {
    const rule = { history: null, isCache: false, presenceListUpTo: 2 };
    await using cluster = await GatewayCluster.start(1, { rules: { ruleOf: () => rule } });
    const gateway = cluster.at(0);
    await using ann = await open(gateway);
    for (const name of ["ann", "bob", "eve"]) {
      const client = name === "ann" ? ann : await open(gateway);
      await enter(gateway, client, CHANNEL, { user_id: name });
    }
    const { data } = await ann.next("pusher_internal:subscription_count", CHANNEL);
    expect(data).toBe('{"subscription_count":3}');
    await using zoe = await open(gateway);
    const answer = dataOf(await enter(gateway, zoe, CHANNEL, { user_id: "zoe", user_info: 1 }));
    expect(answer).toMatchObject({ presence: { ids: ["zoe"], hash: { zoe: 1 } } });
  });

  it("P22 › users of the native protocol and of this one are on the same channel", async () => {
    await using cluster = await GatewayCluster.start(2);
    await using pusher = await open(cluster.at(0));
    await enter(cluster.at(0), pusher, CHANNEL, { user_id: "ann" });
    await using native = await NativeClient.open(cluster.at(1).webSocketUrl);
    const data = JSON.stringify({ user_id: "bob", user_info: [1] });
    const token = cluster.at(1).channelToken(native.connectionId, CHANNEL, data);
    const reply = await native.request({ type: "subscribe", channel: CHANNEL, token, data });
    expect(reply["presence"]).toMatchObject({ count: 2, members: [{ id: "ann" }, { id: "bob", info: [1] }] });
    await eventually(() => expect(added(pusher)).toEqual([{ user_id: "bob", user_info: [1] }]));
    await native.request({ type: "unsubscribe", channel: CHANNEL });
    await eventually(() => expect(removed(pusher)).toEqual([{ user_id: "bob" }]));
  });
});
