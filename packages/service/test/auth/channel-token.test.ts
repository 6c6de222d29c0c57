import { createAuthorizer, signChannel } from "@carillon/service";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StillClock, testApp } from "./test-app.ts";

const authorizer = createAuthorizer({ clock: new StillClock() });
const connectionId = "123456.7890123";

describe("channel tokens › known answers", () => {
  const vector = testApp({ key: "vk-7f3a9c", secrets: ["vs-1d2e4f6a8b"] });
  const published = testApp({ key: "278d425bdf160c739803", secrets: ["7ad3773142a6692b25b8"] });

  it.each([
    ["private-room", undefined, "f108ff35cd85f7b8080d7276c1772217113f0511a85c0d574042677346db3a59"],
    ["private-odd_1@=,.;", undefined, "3e2a9675ddee66c6257bd118384e065cbcdf30ce94ff3fd6d4ae2971aa9d7e9b"],
    ["private-room", '{"user_id":"u-1"}', "0ea951fbb8e50636915f2ee5529a8fdcd63eda5eb796742c2e9b9c569508fea6"],
    [
      "presence-lobby",
      '{"user_id":"u-1","user_info":{"name":"Zoë"}}',
      "391f6f83d3d138b7c73f97ca2e6a051235d423aafc4d9a38325da2f5b597b428",
    ],
    [
      "presence-lobby",
      '{"user_id": "u-2", "user_info": {"n": 1}}',
      "8a4841a2214bea9b0f15aafee8ac742e3557c7dc4ab1fd90d6240389c326b001",
    ],
  ])("%s with %s is signed as Pusher's SDKs sign it", (channel, data, signature) => {
    const token = `vk-7f3a9c:${signature}`;
    expect(signChannel(vector, { connectionId, channel, ...(data === undefined ? {} : { data }) })).toBe(token);
    expect(authorizer.verifyChannelToken(vector, { connectionId, channel, token, data })).toBe(true);
  });

  it("agrees with the example of Pusher's documentation", () => {
    const token = "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4";
    const proof = { connectionId: "1234.1234", channel: "private-foobar", data: undefined };
    expect(authorizer.verifyChannelToken(published, { ...proof, token })).toBe(true);
  });
});

describe("channel tokens › what is signed", () => {
  const app = testApp();
  const proof = { connectionId, channel: "private-a", data: "data" };
  const token = signChannel(app, proof);
  const verify = (changes: object) => authorizer.verifyChannelToken(app, { ...proof, token, ...changes });

  it("is the connection, the channel and the data, each as it is", () => {
    expect(verify({})).toBe(true);
    expect(verify({ connectionId: "1.2" })).toBe(false);
    expect(verify({ channel: "private-b" })).toBe(false);
    expect(verify({ data: "date" })).toBe(false);
    expect(verify({ data: undefined })).toBe(false);
    expect(verify({ data: "" })).toBe(false);
  });

  it("is refused with another app's key or secret", () => {
    const signature = token.split(":")[1];
    expect(verify({ token: `other-key:${signature}` })).toBe(false);
    expect(verify({ token: `:${signature}` })).toBe(false);
    expect(authorizer.verifyChannelToken(testApp({ secrets: ["other"] }), { ...proof, token })).toBe(false);
  });

  it("must be 64 hexadecimal digits, in either case", () => {
    const signature = token.slice("app-key:".length);
    expect(verify({ token: `app-key:${signature.toUpperCase()}` })).toBe(true);
    for (const broken of [
      "",
      signature.slice(1),
      `${signature}0`,
      `${signature}\n`,
      ` ${signature}`,
      `0x${signature.slice(2)}`,
    ]) {
      expect(verify({ token: `app-key:${broken}` })).toBe(false);
    }
    expect(verify({ token: "no colon" })).toBe(false);
  });

  it("is refused when one digit differs", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: "app-key:".length, max: token.length - 1 }),
        fc.integer({ min: 1, max: 15 }),
        (at, by) => {
          const digit = ((Number.parseInt(token.charAt(at), 16) + by) % 16).toString(16);
          expect(verify({ token: token.slice(0, at) + digit + token.slice(at + 1) })).toBe(false);
        },
      ),
    );
  });

  it("never throws, whatever a client sends", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (sent, data) => {
        expect(verify({ token: sent, data })).toBe(false);
      }),
    );
  });
});

describe("channel tokens › rotation", () => {
  const proof = { connectionId, channel: "private-a", data: undefined };
  const verify = (secrets: string[], token: string) =>
    authorizer.verifyChannelToken(testApp({ secrets }), { ...proof, token });

  it("accepts every secret in force and signs with the newest", () => {
    const { connectionId, channel } = proof;
    const sign = (secrets: string[]) => signChannel(testApp({ secrets }), { connectionId, channel });
    for (const secrets of [
      ["new", "old"],
      ["old", "new"],
      ["x", "old", "y"],
    ]) {
      expect(verify(secrets, sign(["old"]))).toBe(true);
    }
    expect(sign(["new", "old"])).toBe(sign(["new"]));
    expect(verify(["new"], sign(["old"]))).toBe(false);
  });
});
