import { describe, expect, it } from "vitest";
import { createApp, TestNode } from "./support/test-node.ts";

const refusal = (code: string) => expect.objectContaining({ ok: false, code });
const [ANN, BOB] = [
  { id: "ann", info: '{"n":1}' },
  { id: "bob", info: null },
];

function connect(app = createApp()) {
  const test = new TestNode();
  const connection = test.connect(app);
  const { session } = connection;
  const tokenFor = (data: string) => test.authorizer.userTokenFor(session.connectionId, data);
  return { test, ...connection, tokenFor };
}

describe("sign-in", () => {
  it("P33 › a right token names the connection's user, another one of the same user too", () => {
    const { session, tokenFor } = connect();
    expect(session.user).toBeNull();
    expect(session.signIn({ token: tokenFor("d"), data: "d", user: ANN })).toEqual({ ok: true });
    expect([session.user, session.isOf("ann"), session.isOf("bob")]).toEqual([ANN, true, false]);
    expect(session.signIn({ token: tokenFor("e"), data: "e", user: { ...ANN, info: null } })).toEqual({ ok: true });
    expect(session.user).toEqual({ id: "ann", info: null });
  });

  it("P34 › a wrong token, another user, and an app that has it off are refused, and nothing changes", () => {
    const { session, tokenFor } = connect();
    expect(session.signIn({ token: tokenFor("d"), data: "other", user: ANN })).toEqual(refusal("unauthorized"));
    expect(session.user).toBeNull();
    session.signIn({ token: tokenFor("d"), data: "d", user: ANN });
    expect(session.signIn({ token: tokenFor("d"), data: "d", user: BOB })).toEqual(refusal("unauthorized"));
    expect(session.user).toEqual(ANN);
    const off = connect(createApp({ userAuthentication: false }));
    expect(off.session.signIn({ token: off.tokenFor("d"), data: "d", user: ANN })).toEqual(refusal("not_found"));
  });

  it("P35 › a user's channel is for that user's connections alone, and gone with them", async () => {
    const { test, session, transport, tokenFor } = connect();
    expect(session.subscribe({ channel: "#server-to-user-ann" })).toEqual(refusal("forbidden"));
    session.signIn({ token: tokenFor("d"), data: "d", user: ANN });
    expect(session.subscribe({ channel: "#server-to-user-bob" })).toEqual(refusal("forbidden"));
    expect(session.subscribe({ channel: "#online" })).toEqual(refusal("forbidden"));
    await expect(session.subscribe({ channel: "#server-to-user-ann" })).resolves.toEqual({ ok: true });
    transport.terminate();
    session.onClosed();
    expect(test.leftovers()).toMatchObject({ channels: 0, connections: 0, subscriptions: 0 });
  });

  it("P33 › where an app requires a token, signing in is as good", async () => {
    const { test, session, tokenFor, closings } = connect(createApp({ token: { isRequired: true } }));
    expect(session.subscribe({ channel: "a" })).toEqual(refusal("token_required"));
    session.signIn({ token: tokenFor("d"), data: "d", user: ANN });
    await expect(session.subscribe({ channel: "a" })).resolves.toEqual({ ok: true });
    test.clock.advance(60_000);
    expect(closings).toEqual([]);
  });
});
