import type { NativeClient } from "@carillon/testkit";
import { describe, expect, it } from "vitest";
import { errorOf, RunningCarillon } from "./support/running-carillon.ts";

/** What an async iterable gives. */
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function enter(carillon: RunningCarillon, channel: string, id: string): Promise<NativeClient> {
  const client = await carillon.client();
  const token = carillon.server().authenticateChannel(client.connectionId, channel, { id, info: { n: id } });
  await client.subscribe(channel, { token });
  return client;
}

describe("channels", () => {
  it("lists, page by page or all of them, and tells of one", async () => {
    await using carillon = await RunningCarillon.start();
    const server = carillon.server();
    await using client = await carillon.client();
    for (const name of ["room-1", "room-2", "room-3", "other"]) await client.subscribe(name);
    await using ann = await enter(carillon, "presence-room", "ann");
    const { channels } = server;
    expect(await channels.list({ prefix: "room-", limit: 2 })).toEqual({
      items: [
        { channel: "room-1", subscriptions: 1, users: null },
        { channel: "room-2", subscriptions: 1, users: null },
      ],
      next: "room-2",
      isComplete: true,
    });
    expect(await channels.list({ prefix: "room-", limit: 2, after: "room-2" })).toMatchObject({ next: null });
    const names = (await all(channels.all({ prefix: "room-", limit: 1 }))).map(({ channel }) => channel);
    expect(names).toEqual(["room-1", "room-2", "room-3"]);
    const one = { subscriptions: 1, isOccupied: true, isComplete: true };
    expect(await channels.get("presence-room")).toEqual({ channel: "presence-room", users: 1, ...one });
    expect(await channels.get("other")).toEqual({ channel: "other", users: null, ...one });
    expect(await channels.get("nobody")).toMatchObject({ subscriptions: 0, isOccupied: false });
    expect(ann.connectionId).not.toBe("");
  });

  it("lists the members of a presence channel", async () => {
    await using carillon = await RunningCarillon.start();
    const clients = await Promise.all(["ann", "bob", "cyd"].map((id) => enter(carillon, "presence-room", id)));
    const { channels } = carillon.server();
    expect(await channels.members("presence-room", { limit: 2 })).toEqual({
      items: [
        { id: "ann", info: { n: "ann" } },
        { id: "bob", info: { n: "bob" } },
      ],
      count: 3,
      next: "bob",
      isComplete: true,
    });
    expect((await all(channels.allMembers("presence-room", { limit: 1 }))).map(({ id }) => id)).toEqual([
      "ann",
      "bob",
      "cyd",
    ]);
    expect(await errorOf(() => channels.members("room"))).toMatchObject({ code: "not_found", status: 404 });
    await Promise.all(clients.map((client) => client.close()));
  });

  it("reads histories, forward, backward, since a position, and whole", async () => {
    await using carillon = await RunningCarillon.start();
    const server = carillon.server();
    for (let index = 1; index <= 5; index++) await server.trigger("kept-a", "e", { index }, { id: `id-${index}` });
    const indexes = (publications: readonly { readonly payload: { index: number } }[]) =>
      publications.map(({ payload }) => payload.index);
    const first = await server.channels.history("kept-a", { limit: 2 });
    expect(first).toMatchObject({ hasMore: true, isRecovered: null, position: expect.any(String) });
    expect(first.publications[0]).toEqual({
      id: "id-1",
      event: "e",
      payload: { index: 1 },
      timeMs: expect.any(Number),
      position: expect.any(String),
    });
    const since = first.publications[1]?.position;
    const rest = await server.channels.history("kept-a", { since });
    expect(rest).toMatchObject({ hasMore: false, isRecovered: true });
    expect(indexes(rest.publications)).toEqual([3, 4, 5]);
    const newest = await server.channels.history("kept-a", { limit: 2, direction: "backward" });
    expect(indexes(newest.publications)).toEqual([5, 4]);
    expect(indexes(await all(server.channels.allHistory("kept-a", { limit: 2 })))).toEqual([1, 2, 3, 4, 5]);
    expect(indexes(await all(server.channels.allHistory("kept-a", { since })))).toEqual([3, 4, 5]);
  });

  it("a gap in a history is told, never skipped", async () => {
    const channels = [{ match: "kept-*", history: { messages: 2 } }];
    await using carillon = await RunningCarillon.start({ settings: { channels } });
    const server = carillon.server();
    const since = (await server.trigger("kept-a", "e", 0)).positions["kept-a"];
    for (let index = 1; index <= 4; index++) await server.trigger("kept-a", "e", index);
    expect(await server.channels.history("kept-a", { since })).toMatchObject({ isRecovered: false });
    const error = await errorOf(() => all(server.channels.allHistory("kept-a", { since })));
    expect(error).toMatchObject({ code: "history_gap", isRetryable: false });
  });

  it("refuses what is no channel, and channels without a history", async () => {
    await using carillon = await RunningCarillon.start();
    const { channels } = carillon.server();
    expect(await errorOf(() => channels.get("a/b"))).toMatchObject({ code: "invalid_channel", status: null });
    expect(await errorOf(() => channels.history("a"))).toMatchObject({ code: "not_found", status: 404 });
    expect(await errorOf(() => channels.list({ limit: 0 }))).toMatchObject({ code: "invalid_field", status: 400 });
    expect(await errorOf(() => channels.history("kept-a", { since: "x", direction: "backward" }))).toMatchObject({
      code: "invalid_field",
    });
  });
});

describe("connections and blocks", () => {
  it("counts connections, finds a user's, and ends them", async () => {
    await using carillon = await RunningCarillon.start();
    const server = carillon.server();
    const ann = await carillon.client(server.createToken({ userId: "ann" }));
    await using bob = await carillon.client(server.createToken({ userId: "bob", tokenId: "t-1" }));
    expect(await server.connections.ofUser("ann")).toEqual({
      userId: "ann",
      connectionIds: [ann.connectionId],
      isComplete: true,
    });
    expect(await server.connections.disconnect({ user: "ann" })).toEqual({ disconnected: 1, isComplete: true });
    expect(await ann.closed).toMatchObject({ code: 4013 });
    expect(await server.connections.disconnect({ connection: "1.1" })).toMatchObject({ disconnected: 0 });
    expect(await server.connections.disconnect({ token: "t-1" })).toMatchObject({ disconnected: 1 });
    expect(await bob.closed).toMatchObject({ code: 4013 });
    expect(await server.connections.count()).toEqual(expect.any(Number));
    expect(await errorOf(() => server.connections.disconnect({} as never))).toMatchObject({ code: "invalid_field" });
    expect(await errorOf(() => server.connections.ofUser(""))).toMatchObject({ code: "invalid_field", status: null });
  });

  it("blocks users and tokens, tells which are blocked, and lets them in again", async () => {
    await using carillon = await RunningCarillon.start();
    const server = carillon.server();
    const { blocks } = server;
    await using ann = await carillon.client(server.createToken({ userId: "ann" }));
    const made = await blocks.add({ user: "ann" }, { seconds: 60, reason: "spam" });
    expect(made).toEqual({
      user: "ann",
      reason: "spam",
      expiresAtMs: expect.any(Number),
      disconnected: 1,
      isComplete: true,
    });
    expect(await ann.closed).toMatchObject({ code: 4014 });
    await blocks.add({ token: "t-1" });
    const listed = await all(blocks.all({ limit: 1 }));
    expect(listed).toHaveLength(2);
    expect(listed).toContainEqual({ user: "ann", reason: "spam", expiresAtMs: made.expiresAtMs });
    expect(listed).toContainEqual({ token: "t-1", reason: null, expiresAtMs: expect.any(Number) });
    expect(await blocks.get({ user: "ann" })).toEqual({ user: "ann", reason: "spam", expiresAtMs: made.expiresAtMs });
    expect(await blocks.remove({ user: "ann" })).toEqual({ wasRemoved: true, isComplete: true });
    expect(await blocks.remove({ user: "ann" })).toMatchObject({ wasRemoved: false });
    expect(await blocks.get({ user: "ann" })).toBeNull();
    expect(await errorOf(() => blocks.add({} as never))).toMatchObject({ code: "invalid_field", status: null });
    expect(await errorOf(() => blocks.add({ user: "ann" }, { seconds: 0 }))).toMatchObject({ status: 400 });
  });
});
