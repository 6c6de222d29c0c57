import { BlockControl, MemoryBlockStore } from "@carillon/core";
import { describe, expect, it } from "vitest";
import { ClusterWorld, type WorldNode } from "./support/cluster-world.ts";
import { createApp, START_MS, settled, type TestConnection, TestNode } from "./support/test-node.ts";

const refusal = (code: string) => expect.objectContaining({ ok: false, code });

/** A node whose connections can be blocked. */
function start() {
  const test = new TestNode();
  const app = createApp();
  const block = (id: string, ms = 60_000, kind: "user" | "token" = "user") =>
    test.blocks.put({ appId: app.id, kind, id, reason: null, expiresAtMs: test.clock.now() + ms });
  const connect = async (token: string, userId: string | null, tokenId: string | null = null) => {
    test.authorizer.knowToken(token, { userId, tokenId, capabilities: { "*": ["subscribe", "presence"] } });
    const connection = test.connect(app);
    return { ...connection, result: await connection.session.authenticate(token) };
  };
  const enter = ({ session }: TestConnection, channel: string, userId: string) => {
    const data = JSON.stringify({ user_id: userId });
    const token = test.authorizer.tokenFor(session.connectionId, channel, data);
    return session.subscribe({ channel, token, data });
  };
  return { test, app, block, connect, enter, counters: test.services.blocks?.counters };
}

describe("blocks › on one gateway", () => {
  it("N64 › end the connections of a user, by its token or on a presence channel, and no others", async () => {
    const { test, app, block, connect, enter, counters } = start();
    const byToken = await connect("t1", "ann");
    const byChannel = test.connect(app);
    await enter(byChannel, "presence-a", "ann");
    const other = await connect("t2", "bob");
    const elsewhere = test.connect(createApp({ id: "2", key: "other" }));
    await block("ann");
    expect([byToken, byChannel, other, elsewhere].map(({ closings }) => closings)).toEqual([
      ["blocked"],
      ["blocked"],
      [],
      [],
    ]);
    expect(byToken.transport.closes.map(({ code }) => code)).toEqual([4014]);
    expect(counters).toEqual({ ended: 2, refused: 0 });
  });

  it("N64 › keep newcomers, refreshed tokens and signed presence out, until they expire or are removed", async () => {
    const { test, app, block, connect, enter, counters } = start();
    const guest = test.connect(app);
    await block("ann", 1000);
    await block("stolen", 60_000, "token");
    expect((await connect("t1", "ann")).result).toEqual(refusal("blocked"));
    expect((await connect("t2", "bob", "stolen")).result).toEqual(refusal("blocked"));
    expect(enter(guest, "presence-a", "ann")).toEqual(refusal("blocked"));
    expect([guest.session.subscriptionCount, guest.closings]).toEqual([0, []]);
    const refreshing = await connect("t3", "bob", "good");
    test.authorizer.knowToken("t4", { userId: "bob", tokenId: "stolen" });
    expect(await refreshing.session.authenticate("t4")).toEqual(refusal("blocked"));
    expect(refreshing.closings).toEqual(["blocked"]);
    expect(counters).toEqual({ ended: 0, refused: 4 });
    test.clock.advance(1000);
    expect((await connect("t1", "ann")).result).toMatchObject({ ok: true });
    await test.blocks.remove({ appId: app.id, kind: "token", id: "stolen" });
    expect((await connect("t2", "bob", "stolen")).result).toMatchObject({ ok: true });
  });

  it("N64 › a block that comes while a token is being checked, or a subscribe waits, is not missed", async () => {
    const { test, app, block, enter } = start();
    const connection = test.connect(app);
    let verified: (grant: unknown) => void = () => undefined;
    test.authorizer.knowAnswer("slow", new Promise((resolve) => (verified = resolve as typeof verified)));
    const authenticating = connection.session.authenticate("slow");
    const waiting = test.connect(app);
    test.bus.isSlow = true;
    const entering = enter(waiting, "presence-a", "ann");
    await block("ann");
    expect(waiting.closings).toEqual(["blocked"]);
    verified({
      ok: true,
      value: { userId: "ann", tokenId: null, userInfo: null, capabilities: {}, expiresAtMs: START_MS + 60_000 },
    });
    expect(await authenticating).toEqual(refusal("blocked"));
    expect(connection.closings).toEqual(["blocked"]);
    waiting.session.onClosed();
    await settled();
    test.bus.settle("stands");
    expect(await entering).toMatchObject({ ok: false });
  });
});

describe("blocks › for the cluster", () => {
  it("a gateway that doesn't answer, or doesn't know the block, makes the answer incomplete", async () => {
    const world = new ClusterWorld();
    const [a, b, c] = (await world.start("a", "b", "c")) as [WorldNode, WorldNode, WorldNode];
    const store = new MemoryBlockStore({ clock: world.clock });
    const control = new BlockControl({ store, cluster: a.cluster, clock: world.clock });
    const wish = { kind: "user", id: "ann", seconds: 60, reason: null } as const;
    for (const { cluster } of [a, b]) cluster.handle("control-blocks", () => [[2, true]]);
    let isKnown = false;
    c.cluster.handle("control-blocks", () => [[0, isKnown]]);
    const app = createApp();
    expect(await control.block(app, wish)).toMatchObject({ value: { ended: 4, isComplete: false } });
    isKnown = true;
    expect(await control.block(app, wish)).toMatchObject({ value: { ended: 4, isComplete: true } });
    world.passes = (from, to) => from !== "c" && to !== "c";
    const asked = control.unblock(app.id, wish);
    await world.run(1200);
    expect(await asked).toEqual({ ok: true, value: { wasBlocked: true, isComplete: false } });
    world.close();
  });
});
