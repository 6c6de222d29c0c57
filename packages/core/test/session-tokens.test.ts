import { MAX_TOKEN_LENGTH } from "@carillon/protocol";
import { describe, expect, it } from "vitest";
import { createApp, START_MS, TestNode } from "./support/test-node.ts";

const refusal = (code: string) => expect.objectContaining({ ok: false, code });

describe("guarded channels", () => {
  it.each(["private-a", "presence-a", "private-encrypted-a"])("N17 › %s wants proof", (channel) => {
    const test = new TestNode();
    const { session } = test.connect(createApp());
    expect(session.subscribe({ channel })).toEqual(refusal("token_required"));
    expect([session.subscriptionCount, test.bus.log]).toEqual([0, []]);
  });

  it("N17 › a channel token is checked for this connection, channel and data, as they were sent", async () => {
    const test = new TestNode();
    const { session } = test.connect(createApp());
    const { connectionId } = session;
    const token = test.authorizer.tokenFor(connectionId, "private-a", " { } ");
    expect(session.subscribe({ channel: "private-b", token, data: " { } " })).toEqual(refusal("forbidden"));
    expect(session.subscribe({ channel: "private-a", token })).toEqual(refusal("forbidden"));
    expect(session.subscribe({ channel: "private-a", token, data: "{}" })).toEqual(refusal("forbidden"));
    const elsewhere = test.authorizer.tokenFor("7.999", "private-a");
    expect(session.subscribe({ channel: "private-a", token: elsewhere })).toEqual(refusal("forbidden"));
    await expect(session.subscribe({ channel: "private-a", token, data: " { } " })).resolves.toEqual({ ok: true });
    expect(test.authorizer.proofs.at(-1)).toEqual({ connectionId, channel: "private-a", token, data: " { } " });
  });

  it("N17 › a connection token's capability does as well, for the channels it names", async () => {
    const test = new TestNode();
    test.authorizer.knowToken("t", { capabilities: { "private-a*": ["subscribe"], "private-b": ["publish"] } });
    const { session } = test.connect(createApp());
    await session.authenticate("t");
    await expect(session.subscribe({ channel: "private-a1" })).resolves.toEqual({ ok: true });
    expect(session.subscribe({ channel: "private-b" })).toEqual(refusal("forbidden"));
  });

  it("N17 › a wrong channel token is refused though the connection token would do", async () => {
    const test = new TestNode();
    test.authorizer.knowToken("t", { capabilities: { "*": ["subscribe"] } });
    const { session } = test.connect(createApp());
    await session.authenticate("t");
    expect(session.subscribe({ channel: "private-a", token: "wrong" })).toEqual(refusal("forbidden"));
  });

  it("public channels ask for nothing", async () => {
    const test = new TestNode();
    const { session } = test.connect(createApp());
    await expect(session.subscribe({ channel: "a", token: "ignored" })).resolves.toEqual({ ok: true });
    expect(test.authorizer.proofs).toEqual([]);
  });
});

describe("tokens", () => {
  it("N25 › where an app requires one, nothing is subscribed before, and the connection ends after ten seconds", async () => {
    const test = new TestNode();
    const app = createApp({ token: { isRequired: true } });
    const { session, closings, transport } = test.connect(app);
    const proof = test.authorizer.tokenFor(session.connectionId, "private-a");
    expect(session.subscribe({ channel: "a" })).toEqual(refusal("token_required"));
    expect(session.subscribe({ channel: "private-a", token: proof })).toEqual(refusal("token_required"));
    test.clock.advance(9_999);
    expect(closings).toEqual([]);
    test.clock.advance(1_001);
    expect([closings, transport.closes]).toEqual([["unauthorized"], [expect.objectContaining({ code: 4009 })]]);
  });

  it("N25 › a token in time lifts that deadline, a refused one does not", async () => {
    const test = new TestNode();
    test.authorizer.knowToken("good", {});
    const app = createApp({ token: { isRequired: true } });
    const [inTime, refused] = [test.connect(app), test.connect(app)];
    await expect(inTime.session.authenticate("good")).resolves.toEqual(expect.objectContaining({ ok: true }));
    await expect(refused.session.authenticate("bad")).resolves.toEqual(refusal("token_invalid"));
    await expect(inTime.session.subscribe({ channel: "a" })).resolves.toEqual({ ok: true });
    test.clock.advance(60_000);
    expect([inTime.closings, refused.closings]).toEqual([[], ["unauthorized"]]);
  });

  it("N26 › a connection ends within a second after its token, and not before", async () => {
    const test = new TestNode();
    test.authorizer.knowToken("t", { expiresAtMs: START_MS + 30_300 });
    const { session, closings, transport } = test.connect(createApp());
    await session.authenticate("t");
    test.clock.advance(30_299);
    expect(closings).toEqual([]);
    test.clock.advance(1_001);
    expect([closings, transport.closes]).toEqual([["token_expired"], [expect.objectContaining({ code: 4101 })]]);
  });

  it("N24, N26 › a refresh in time prolongs it, and ends just those subscriptions that the new token doesn't grant", async () => {
    const test = new TestNode();
    test.authorizer.knowToken("short", { expiresAtMs: START_MS + 10_000, capabilities: { "*": ["subscribe"] } });
    test.authorizer.knowToken("long", { expiresAtMs: START_MS + 60_000, capabilities: { "*-a": ["subscribe"] } });
    const { session, closings, revoked, texts } = test.connect(createApp());
    await session.authenticate("short");
    for (const channel of ["private-a", "private-b", "public"]) await session.subscribe({ channel });
    test.clock.advance(9_000);
    await session.authenticate("long");
    test.clock.advance(50_999);
    expect([closings, session.grant?.expiresAtMs]).toEqual([[], START_MS + 60_000]);
    for (const channel of ["private-a", "private-b", "public"]) await test.publish(channel);
    expect([revoked, texts.length]).toEqual([["private-b"], 2]);
    expect(session.subscribe({ channel: "private-b" })).toEqual(refusal("forbidden"));
    test.clock.advance(1_001);
    expect(closings).toEqual(["token_expired"]);
  });

  it("N24 › a token may also shorten the time", async () => {
    const test = new TestNode();
    test.authorizer.knowToken("long", { expiresAtMs: START_MS + 60_000 });
    test.authorizer.knowToken("short", { expiresAtMs: START_MS + 5_000 });
    const { session, closings } = test.connect(createApp());
    await session.authenticate("long");
    await session.authenticate("short");
    test.clock.advance(6_000);
    expect(closings).toEqual(["token_expired"]);
    session.onClosed();
    test.clock.advance(60_000);
    expect(closings).toHaveLength(1);
  });

  it.each(["user-2", null])("N24 › a token for another user (%j) is refused and changes nothing", async (userId) => {
    const test = new TestNode();
    test.authorizer.knowToken("mine", { capabilities: { "private-a": ["subscribe"] } });
    test.authorizer.knowToken("theirs", { userId, capabilities: { "*": ["subscribe"] } });
    const { session } = test.connect(createApp());
    await session.authenticate("mine");
    const { grant } = session;
    await expect(session.authenticate("theirs")).resolves.toEqual(refusal("forbidden"));
    expect(session.grant).toBe(grant);
    expect(session.subscribe({ channel: "private-b" })).toEqual(refusal("forbidden"));
  });

  it("N24 › a refused token leaves the old one in force", async () => {
    const test = new TestNode();
    test.authorizer.knowToken("t", { expiresAtMs: START_MS + 10_000 });
    const { session, closings } = test.connect(createApp());
    await session.authenticate("t");
    await expect(session.authenticate("x".repeat(MAX_TOKEN_LENGTH))).resolves.toEqual(refusal("token_invalid"));
    expect(session.grant?.userId).toBe("user-1");
    test.clock.advance(11_000);
    expect(closings).toEqual(["token_expired"]);
  });

  it("a token that was verified only after the close is not taken", async () => {
    const test = new TestNode();
    const { session, closings } = test.connect(createApp());
    let verify: (() => void) | undefined;
    const grant = { userId: "user-1", tokenId: null, userInfo: null, capabilities: {}, expiresAtMs: START_MS + 1 };
    test.authorizer.knowAnswer(
      "slow",
      new Promise((resolve) => {
        verify = () => resolve({ ok: true, value: grant });
      }),
    );
    const answer = session.authenticate("slow");
    session.onClosed();
    verify?.();
    await expect(answer).resolves.toEqual(refusal("cancelled"));
    test.clock.advance(10_000);
    expect([session.grant, closings]).toEqual([null, []]);
  });
});
