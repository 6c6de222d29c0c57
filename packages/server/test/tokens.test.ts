import type { NativeClient } from "@carillon/testkit";
import { describe, expect, it } from "vitest";
import type { CarillonServer, ConnectionTokenOptions, Member } from "../src/index.ts";
import { APP, errorOf, RunningCarillon } from "./support/running-carillon.ts";

/** Subscribes with what an auth endpoint would answer, and resolves with the reply. */
function subscribe(client: NativeClient, server: CarillonServer, channel: string, member?: Member) {
  const token = server.authenticateChannel(client.connectionId, channel, member);
  return client.request({ type: "subscribe", channel, token });
}

describe("authenticateChannel", () => {
  it.each(["private-user-42", "private-encrypted-a", "private-cache-a", "private-odd_1@=,.;"])(
    "lets its connection onto %s, and no other connection",
    async (channel) => {
      await using carillon = await RunningCarillon.start();
      const server = carillon.server();
      await using client = await carillon.client();
      await using other = await carillon.client();
      expect(await subscribe(client, server, channel)).toMatchObject({ type: "subscribed", channel });
      const token = server.authenticateChannel(client.connectionId, channel);
      expect(await other.request({ type: "subscribe", channel, token })).toMatchObject({ code: "forbidden" });
      expect(await client.request({ type: "subscribe", channel: "private-b", token })).toMatchObject({
        code: "forbidden",
      });
    },
  );

  it("carries the member of a presence channel, who can't be forged", async () => {
    await using carillon = await RunningCarillon.start();
    const server = carillon.server();
    await using client = await carillon.client();
    const ann: Member = { id: "auth0|7:ann", info: { name: 'Zoë: the "first"' } };
    expect(await subscribe(client, server, "presence-room", ann)).toMatchObject({ presence: { count: 1, me: ann } });
    const token = server.authenticateChannel(client.connectionId, "presence-b", ann).replace("Zoë", "Ann");
    expect(await client.request({ type: "subscribe", channel: "presence-b", token })).toMatchObject({
      code: "forbidden",
    });
  });

  it("takes whole numbers as ids, and members without information", async () => {
    await using carillon = await RunningCarillon.start();
    await using client = await carillon.client();
    const reply = await subscribe(client, carillon.server(), "presence-room", { id: 7 });
    expect(reply).toMatchObject({ presence: { me: { id: "7" } } });
  });

  it("is a text at once, no promise: KEY:SIGNATURE", async () => {
    await using carillon = await RunningCarillon.start();
    expect(carillon.server().authenticateChannel("1.2", "private-a")).toMatch(/^app-key:[0-9a-f]{64}$/);
  });

  it.each<[string, [unknown, unknown, unknown?], string, RegExp]>([
    ["a connection id that is none", ["tab-1", "private-a"], "invalid_field", /"socketId" is "tab-1".*"123\.456"/],
    ["one that would sign something else", ["1.2:private-b", "private-a"], "invalid_field", /"socketId"/],
    ["no connection id", [undefined, "private-a"], "invalid_field", /"socketId" is of type undefined/],
    ["a channel that is no name", ["1.2", "private-a:b"], "invalid_channel", /"private-a:b"/],
    ["a user's own channel", ["1.2", "#server-to-user-ann"], "invalid_channel", /no channel name/],
    ["a public channel", ["1.2", "orders"], "invalid_channel", /public and needs no token/],
    ["a presence channel without a member", ["1.2", "presence-a"], "invalid_field", /who this is.*\{ id, info \}/],
    ["a member without an id", ["1.2", "presence-a", {}], "invalid_field", /"member\.id" is of type undefined/],
    ["a member that is a text", ["1.2", "presence-a", "ann"], "invalid_field", /must be an object/],
    ["a half number", ["1.2", "presence-a", { id: 1.5 }], "invalid_field", /"member\.id"/],
    ["an id that is too long", ["1.2", "presence-a", { id: "x".repeat(129) }], "invalid_field", /1 to 128 characters/],
    ["too much information", ["1.2", "presence-a", { id: "7", info: "é".repeat(520) }], "invalid_field", /1024 bytes/],
    [
      "information that JSON can't say",
      ["1.2", "presence-a", { id: "7", info: 1n }],
      "invalid_field",
      /"member\.info" can't/,
    ],
  ])("%s is not signed", async (_what, [socketId, channel, member], code, message) => {
    await using carillon = await RunningCarillon.start();
    const server = carillon.server();
    const error = await errorOf(() =>
      server.authenticateChannel(socketId as string, channel as string, member as Member),
    );
    expect(error).toMatchObject({ name: "CarillonError", code, status: null });
    expect((error as Error).message).toMatch(message);
  });
});

describe("createToken", () => {
  it("says whose a connection is, and what it may do", async () => {
    await using carillon = await RunningCarillon.start();
    const server = carillon.server();
    const token = server.createToken({
      userId: "ann",
      info: { name: "Ann" },
      capabilities: { "private-user-ann": ["subscribe", "publish"], "presence-*": ["subscribe", "presence"] },
      expiresInSeconds: 60,
    });
    await using client = await carillon.client(token);
    const { expiresAt } = await client.nextFrame(({ type }) => type === "welcome");
    expect(Math.abs(Number(expiresAt) - Date.now() - 65_000)).toBeLessThan(5000);
    await client.subscribe("private-user-ann");
    expect(await client.request({ type: "subscribe", channel: "private-user-bob" })).toMatchObject({
      code: "forbidden",
    });
    expect(await client.request({ type: "publish", channel: "private-user-ann", event: "e" })).toMatchObject({
      type: "published",
    });
    expect(await client.request({ type: "subscribe", channel: "presence-room" })).toMatchObject({
      presence: { me: { id: "ann", info: { name: "Ann" } } },
    });
    expect(await server.connections.ofUser("ann")).toMatchObject({ connectionIds: [client.connectionId] });
  });

  it("has the issuer and audience that an app asks for", async () => {
    await using carillon = await RunningCarillon.start({ app: { token: { issuer: "shop", audience: "realtime" } } });
    const server = carillon.server();
    await using client = await carillon.client();
    const refresh = (options: ConnectionTokenOptions) =>
      client.request({ type: "refresh", token: server.createToken(options) });
    expect(await refresh({ userId: "ann" })).toMatchObject({ code: "token_invalid" });
    expect(await refresh({ userId: "ann", issuer: "shop", audience: "realtime" })).toMatchObject({ type: "refreshed" });
  });

  it.each<[string, ConnectionTokenOptions, RegExp]>([
    ["an empty user", { userId: "" }, /"userId" is "".*1 to 128/],
    ["a user that has no UTF-8 form", { userId: "\ud83d" }, /"userId".*surrogate/],
    ["a user with a line end", { userId: "ann\n" }, /"userId".*control characters/],
    ["information that JSON can't say", { info: { at: 1n } }, /"info" can't be said in JSON/],
    ["a user that is no text", { userId: 7 as unknown as string }, /"userId"/],
    ["a token id that is too long", { tokenId: "x".repeat(129) }, /"tokenId"/],
    ["too much information", { info: "x".repeat(1025) }, /"info".*1024 bytes/],
    ["no time", { expiresInSeconds: 0 }, /1 to 86400/],
    ["a year", { expiresInSeconds: 31_536_000 }, /1 to 86400, a day/],
    ["half a second", { expiresInSeconds: 0.5 }, /whole number/],
    ["an unknown verb", { capabilities: { a: ["read" as "subscribe"] } }, /subscribe, publish, presence, history/],
    ["a pattern that fits nothing", { capabilities: { "private user": ["subscribe"] } }, /"private user"/],
    [
      "more patterns than a token may have",
      { capabilities: Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`a-${index}`, ["subscribe"]])) },
      /at most 100 patterns/,
    ],
    [
      "names that make it too long",
      { capabilities: Object.fromEntries(Array.from({ length: 60 }, (_, i) => ["x".repeat(198) + i, ["subscribe"]])) },
      /characters, 8192 are allowed/,
    ],
  ])("%s is not signed", async (_what, options, message) => {
    await using carillon = await RunningCarillon.start();
    const server = carillon.server();
    const error = await errorOf(() => server.createToken(options));
    expect(error).toMatchObject({ name: "CarillonError", code: "invalid_field" });
    expect((error as Error).message).toMatch(message);
  });

  it("tokens of a type for browsers open no publish API", async () => {
    await using carillon = await RunningCarillon.start();
    const token = carillon.server().createToken({ userId: APP.id, capabilities: { "*": ["publish"] } });
    expect(
      (
        await carillon
          .server({ publishSecret: token })
          .trigger("a", "e", 1)
          .catch((error) => error)
      ).code,
    ).toBe("unauthorized");
  });
});
