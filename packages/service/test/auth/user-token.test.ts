import { createAuthorizer, signChannel, signUser } from "@carillon/service";
import { describe, expect, it } from "vitest";
import { StillClock, testApp } from "./test-app.ts";

const authorizer = createAuthorizer({ clock: new StillClock() });

describe("user tokens", () => {
  it.each([
    [
      ["vk-7f3a9c", "vs-1d2e4f6a8b", "123456.7890123"],
      '{"id":"u-1","user_info":{"name":"Zoë"},"watchlist":["u-2"]}',
      "b3afd7574655b8973bc3ec3b3e9b4fa3418b5712d8f46635ddfc43b94f01604e",
    ],
    [
      ["278d425bdf160c739803", "7ad3773142a6692b25b8", "1234.1234"],
      '{"id":"12345"}',
      "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba",
    ],
  ] as const)("P33 › %j: %s is signed as Pusher's SDKs sign it", ([key, secret, connectionId], data, signature) => {
    const app = testApp({ key, secrets: [secret] });
    const token = `${key}:${signature}`;
    expect(signUser(app, { connectionId, data })).toBe(token);
    expect(authorizer.verifyUserToken(app, { connectionId, token, data })).toBe(true);
  });

  it("P34 › fit one connection, one text and one app, under any secret in force", () => {
    const app = testApp({ key: "k", secrets: ["new", "old"] });
    const [connectionId, data] = ["1.2", '{"id":"u"}'];
    const old = signUser(testApp({ key: "k", secrets: ["old"] }), { connectionId, data });
    expect(authorizer.verifyUserToken(app, { connectionId, token: old, data })).toBe(true);
    expect(authorizer.verifyUserToken(app, { connectionId: "1.3", token: old, data })).toBe(false);
    expect(authorizer.verifyUserToken(app, { connectionId, token: old, data: '{"id": "u"}' })).toBe(false);
    expect(authorizer.verifyUserToken(app, { connectionId, token: old.replace("k:", "x:"), data })).toBe(false);
    for (const token of ["", ":", "k:", "k:00", `k:${"g".repeat(64)}`]) {
      expect(authorizer.verifyUserToken(app, { connectionId, token, data })).toBe(false);
    }
  });

  it("P34 › no channel token is one", () => {
    const app = testApp({ key: "k", secrets: ["s"] });
    const token = signChannel(app, { connectionId: "1.2", channel: "user", data: '{"id":"u"}' });
    expect(authorizer.verifyUserToken(app, { connectionId: "1.2", token, data: '{"id":"u"}' })).toBe(false);
  });
});
