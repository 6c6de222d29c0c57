import { createRequire } from "node:module";
import { isUserId } from "@carillon/protocol";
import { PusherClient } from "@carillon/testkit";
import fc from "fast-check";
import type PusherOfNpm from "pusher";
import { describe, expect, it, vi } from "vitest";
import { CarillonServer, type PusherApi, type PusherRequestToSign } from "../src/index.ts";
import { FakeServer } from "./support/fake-server.ts";
import { APP, errorOf, RunningCarillon } from "./support/running-carillon.ts";

const Pusher = createRequire(import.meta.url)("pusher") as typeof PusherOfNpm;
const VECTOR_APP = { appId: "4242", key: "vk-7f3a9c", secret: "vs-1d2e4f6a8b" };
const SOCKET = "123456.7890123";

const ours = (host = "http://127.0.0.1:1") => new CarillonServer({ ...VECTOR_APP, host }).pusher;
const theirs = (host = "http://127.0.0.1:1") => {
  const { hostname, port } = new URL(host);
  return new Pusher({ ...VECTOR_APP, host: hostname, port, useTLS: false });
};

describe("pusher › channel and user tokens", () => {
  it.each<[string, object | undefined, string]>([
    ["private-room", undefined, "f108ff35cd85f7b8080d7276c1772217113f0511a85c0d574042677346db3a59"],
    ["private-odd_1@=,.;", undefined, "3e2a9675ddee66c6257bd118384e065cbcdf30ce94ff3fd6d4ae2971aa9d7e9b"],
    ["private-cache-x", undefined, "894746f1fa611af1b06e8bf75d239cd7a4d4d7b788a1efa4e908ea4ac5a6524b"],
    ["private-room", { user_id: "u-1" }, "0ea951fbb8e50636915f2ee5529a8fdcd63eda5eb796742c2e9b9c569508fea6"],
    [
      "presence-lobby",
      { user_id: "u-1", user_info: { name: "Zoë" } },
      "391f6f83d3d138b7c73f97ca2e6a051235d423aafc4d9a38325da2f5b597b428",
    ],
    ["presence-lobby", { user_id: 10 }, "c981daf5601f38fd5f5a6c27af19b01948abb8beb69c7d0976d1145b64cb98eb"],
  ])("%s %j has the known signature", (channel, data, signature) => {
    const auth = ours().authorizeChannel(SOCKET, channel, data as { user_id: string });
    expect(auth.auth).toBe(`vk-7f3a9c:${signature}`);
    expect(auth.channel_data).toBe(data === undefined ? undefined : JSON.stringify(data));
  });

  it("a user has the known signature", () => {
    const user = { id: "u-1", user_info: { name: "Zoë" }, watchlist: ["u-2"] };
    expect(ours().authenticateUser(SOCKET, user)).toEqual({
      auth: "vk-7f3a9c:b3afd7574655b8973bc3ec3b3e9b4fa3418b5712d8f46635ddfc43b94f01604e",
      user_data: JSON.stringify(user),
    });
  });

  it("the published examples come out", () => {
    const app = { appId: "3", key: "278d425bdf160c739803", secret: "7ad3773142a6692b25b8", host: "http://127.0.0.1:1" };
    const { pusher } = new CarillonServer(app);
    const signatureOf = (channel: string, data?: { user_id: number; user_info: object }) =>
      pusher.authorizeChannel("1234.1234", channel, data).auth.slice(app.key.length + 1);
    expect(signatureOf("private-foobar")).toBe("58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4");
    expect(signatureOf("presence-foobar", { user_id: 10, user_info: { name: "Mr. Channels" } })).toBe(
      "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80",
    );
  });

  it("are the bytes of the npm package, for whatever is signed", () => {
    const channel = fc
      .stringMatching(/^(private|presence)-[-a-zA-Z0-9_=@,.;]{1,50}$/)
      .filter((name) => !name.startsWith("private-encrypted-"));
    const id = fc.string({ minLength: 1, maxLength: 50 }).filter(isUserId);
    const data = fc.option(fc.record({ user_id: id, user_info: fc.jsonValue() }), { nil: undefined });
    fc.assert(
      fc.property(channel, data, id, (name, member, userId) => {
        const expected = theirs().authorizeChannel(SOCKET, name, member as PusherOfNpm.PresenceChannelData);
        expect(ours().authorizeChannel(SOCKET, name, member)).toEqual(expected);
        expect(ours().authenticateUser(SOCKET, { id: userId })).toEqual(
          theirs().authenticateUser(SOCKET, { id: userId }),
        );
      }),
    );
  });

  it("encrypted channels are refused, with what to use instead", async () => {
    const error = await errorOf(() => ours().authorizeChannel(SOCKET, "private-encrypted-vault"));
    expect(error).toMatchObject({ code: "invalid_field", message: expect.stringContaining("npm package pusher") });
    expect(await errorOf(() => ours().trigger("private-encrypted-vault", "e", 1))).toMatchObject({
      code: "invalid_field",
    });
  });
});

describe("pusher › requests", () => {
  it.each<[PusherRequestToSign, string]>([
    [
      {
        method: "POST",
        path: "/apps/4242/events",
        body: '{"name":"ev","data":"{\\"a\\":\\"é\\"}","channels":["room"]}',
      },
      "dee123bd36819759701448b3021613a30d529c9c839e85665f44a7b3e33e49f1",
    ],
    [
      { method: "GET", path: "/apps/4242/channels", params: { filter_by_prefix: "presence-", info: "user_count" } },
      "e0dd7cd8bcef493e04bc9f85cd6848b8013315664c08ac71a193eb021e4827f9",
    ],
    [
      { method: "GET", path: "/apps/4242/channels/odd_1@=,.;", params: { info: "subscription_count" } },
      "e4e7ddc476fd668a2571dacc48672fc252332600dfbecb953cc75a0928979bdb",
    ],
    [
      { method: "POST", path: "/apps/4242/users/u-1/terminate_connections", body: "{}" },
      "86626a4f47bde0693c87efa8dee552f3ef3480e71752e996fe57f07c7adfe4db",
    ],
  ])("%j has the known signature", (request, signature) => {
    vi.useFakeTimers({ now: 1_700_000_000_000, toFake: ["Date"] });
    try {
      expect(ours().createSignedQueryString(request)).toMatch(new RegExp(`&auth_signature=${signature}$`));
    } finally {
      vi.useRealTimers();
    }
  });

  it("are those of the npm package, byte for byte", async () => {
    await using fake = await FakeServer.start((response) => {
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
    vi.useFakeTimers({ now: 1_700_000_000_000, toFake: ["Date"] });
    try {
      for (const pusher of [ours(fake.url), theirs(fake.url) as unknown as PusherApi]) {
        await pusher.trigger("room", "ev", { a: "é" });
        const params = { socket_id: "1.2", info: "subscription_count" };
        await pusher.trigger(["a", "b"], "ev", "plain text", params);
        await pusher.triggerBatch([{ channel: "a", name: "ev", data: [1] }]);
        await pusher.sendToUser("ann", "ev", null);
        await pusher.terminateUserConnections("ann");
        await pusher.get({ path: "/channels", params: { filter_by_prefix: "presence-", info: "user_count" } });
      }
    } finally {
      vi.useRealTimers();
    }
    const requests = fake.seen.map(({ method, url, body, headers }) => ({
      method,
      url,
      body,
      type: headers["content-type"],
    }));
    expect(requests).toHaveLength(12);
    expect(requests.slice(0, 6)).toEqual(requests.slice(6));
  });

  it("are answered by Carillon: publish, batch, ask, and end a user's connections", async () => {
    await using carillon = await RunningCarillon.start({ app: { subscriptionCount: false } });
    const { pusher } = carillon.server();
    const url = `${carillon.webSocketUrl.replace(/\/ws$/, "")}/app/${APP.key}?protocol=7&client=js&version=8.6.0`;
    const client = await PusherClient.open(url);
    await client.subscribe("room");
    const member = pusher.authorizeChannel(client.socketId, "presence-room", { user_id: "ann", user_info: { n: 1 } });
    await client.subscribe("presence-room", member as unknown as Record<string, string>);
    const response = await pusher.trigger("room", "ev", { a: 1 }, { info: "subscription_count" });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ channels: { room: { subscription_count: 1 } } });
    await pusher.triggerBatch([{ channel: "room", name: "two", data: "text" }]);
    await client.next("two");
    const channels = await pusher.get({
      path: "/channels",
      params: { filter_by_prefix: "presence-", info: "user_count" },
    });
    expect(await channels.json()).toEqual({ channels: { "presence-room": { user_count: 1 } } });
    const users = await pusher.get({ path: "/channels/presence-room/users" });
    expect(await users.json()).toEqual({ users: [{ id: "ann" }] });
    const user = pusher.authenticateUser(client.socketId, { id: "ann" });
    client.send("pusher:signin", user);
    await client.next("pusher:signin_success");
    await pusher.sendToUser("ann", "mine", 1);
    await client.next("mine");
    await pusher.terminateUserConnections("ann");
    expect(await client.closed).toMatchObject({ code: 4009 });
  });

  it("are repeated with a key, and delivered once", async () => {
    await using fake = await FakeServer.start((response, _seen, index) => {
      response.writeHead(index === 0 ? 503 : 200, { "content-type": "application/json" });
      response.end(index === 0 ? '{"error":"the bus is away"}' : "{}");
    });
    await ours(fake.url).trigger("a", "e", 1, { idempotency_key: "key-1" });
    expect(fake.seen).toHaveLength(2);
    expect(fake.seen.map(({ body }) => body)).toEqual([fake.seen[0]?.body, fake.seen[0]?.body]);
  });

  it.each([
    ["what JSON can't say", { a: 1n }],
    ["a promise", Promise.resolve(1)],
  ])("with %s aren't made", async (_, data) => {
    const refused = { name: "CarillonError", code: "invalid_payload" };
    expect(await errorOf(() => ours().trigger("room", "e", data))).toMatchObject(refused);
    expect(await errorOf(() => ours().triggerBatch([{ channel: "room", name: "e", data }]))).toMatchObject(refused);
  });

  it("fail with typed errors", async () => {
    await using carillon = await RunningCarillon.start();
    const wrong = carillon.server({ secret: "wrong" }).pusher;
    const unauthorized = await errorOf(() => wrong.trigger("a", "e", 1));
    expect(unauthorized).toMatchObject({ code: "unauthorized", status: 401, isRetryable: false });
    const { pusher } = carillon.server();
    const cases: readonly [() => unknown, string][] = [
      [() => pusher.trigger("a", "e", "x".repeat(20_000)), "message_too_large"],
      [() => pusher.get({ path: "/nothing" }), "not_found"],
      [() => pusher.get({ path: "/channels/a", params: { info: "user_count" } }), "invalid_field"],
      [() => pusher.get({ path: "/channels", params: { auth_key: "x" } }), "invalid_field"],
      [() => pusher.trigger("a b", "e", 1), "invalid_channel"],
    ];
    for (const [act, code] of cases) expect(await errorOf(act)).toMatchObject({ name: "CarillonError", code });
    await using fake = await FakeServer.start((response) => void response.writeHead(503).end('{"error":"away"}'));
    expect(await errorOf(() => ours(fake.url).trigger("a", "e", 1))).toMatchObject({ code: "bus_unavailable" });
    expect(fake.seen).toHaveLength(1);
  });
});

describe("pusher › webhooks", () => {
  const body = '{"time_ms":1700000000000,"events":[{"name":"channel_occupied","channel":"room"}]}';
  const headers = {
    "content-type": "application/json",
    "x-pusher-key": VECTOR_APP.key,
    "x-pusher-signature": "9fed48b630a967d1a95ab14612f55df2736866c25bef4152d5b8f86e5afd700e",
  };

  it("are checked as the npm package does", () => {
    const cases: readonly [object, string][] = [
      [headers, body],
      [headers, `${body} `],
      [{ ...headers, "x-pusher-signature": "0" }, body],
      [{ ...headers, "x-pusher-key": "other" }, body],
      [{ ...headers, "content-type": "text/plain" }, body],
      [headers, "{"],
      [{}, ""],
    ];
    for (const [each, rawBody] of cases) {
      const [mine, npms] = [ours(), theirs()].map((pusher) => pusher.webhook({ headers: each as never, rawBody }));
      expect(mine?.isValid()).toBe(npms?.isValid());
      expect(mine?.isBodyValid()).toBe(npms?.isBodyValid());
      expect(mine?.isContentTypeValid()).toBe(npms?.isContentTypeValid());
    }
    const webhook = ours().webhook({ headers: new Headers(headers), rawBody: body });
    expect(webhook.isValid()).toBe(true);
    expect(webhook.getTime()).toEqual(new Date(1_700_000_000_000));
    expect(webhook.getEvents()).toEqual([{ name: "channel_occupied", channel: "room" }]);
    expect(() => ours().webhook({ headers: {}, rawBody: "" }).getData()).toThrow(/not JSON/);
  });

  it("take further tokens during a rotation", () => {
    const other = new CarillonServer({ ...VECTOR_APP, secret: "new", host: "http://127.0.0.1:1" }).pusher;
    const webhook = other.webhook({ headers, rawBody: body });
    expect(webhook.isValid()).toBe(false);
    expect(webhook.isValid({ key: VECTOR_APP.key, secret: VECTOR_APP.secret })).toBe(true);
    expect(webhook.isValid([{ key: "x", secret: "y" }, VECTOR_APP])).toBe(true);
  });
});
