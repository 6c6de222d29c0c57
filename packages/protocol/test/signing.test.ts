import { channelStringToSign, decodeJsonCommand, splitChannelToken, splitTokenData } from "@carillon/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import { channelName } from "./support/arbitraries.ts";

const connectionId = fc.tuple(fc.nat(), fc.nat()).map(([node, number]) => `${node}.${number}`);
const proof = fc.tuple(connectionId, channelName, fc.option(fc.string(), { nil: undefined }));

it("N17 › the string to sign is Pusher's", () => {
  expect(channelStringToSign("1234.1234", "private-foobar")).toBe("1234.1234:private-foobar");
  expect(channelStringToSign("1234.1234", "presence-foobar", '{"user_id":10}')).toBe(
    '1234.1234:presence-foobar:{"user_id":10}',
  );
});

it("N17 › empty data is signed, and differs from none", () => {
  expect(channelStringToSign("1.1", "private-a", "")).toBe("1.1:private-a:");
});

it("N17 › no two proofs sign the same string", () => {
  fc.assert(
    fc.property(proof, proof, (left, right) => {
      fc.pre(JSON.stringify(left) !== JSON.stringify(right));
      expect(channelStringToSign(...left)).not.toBe(channelStringToSign(...right));
    }),
  );
  // The closest that one can come: data that looks like the rest of a longer name.
  expect(channelStringToSign("1.1", "private-a", "b")).not.toBe(channelStringToSign("1.1", "private-a.b"));
});

it("N17 › a channel token comes apart at its first colon", () => {
  fc.assert(
    fc.property(
      fc.string().filter((key) => !key.includes(":")),
      fc.string(),
      (key, signature) => {
        expect(splitChannelToken(`${key}:${signature}`)).toEqual({ key, signature });
      },
    ),
  );
  expect(splitChannelToken("no-colon")).toBeNull();
  expect(splitChannelToken("")).toBeNull();
  expect(splitChannelToken(":")).toEqual({ key: "", signature: "" });
});

it("N17 › a token may carry what is signed besides, behind its second colon", () => {
  const plain = fc.string().filter((text) => !text.includes(":"));
  fc.assert(
    fc.property(plain, plain, fc.string(), (key, signature, data) => {
      expect(splitTokenData(`${key}:${signature}`)).toEqual({ token: `${key}:${signature}` });
      expect(splitTokenData(`${key}:${signature}:${data}`)).toEqual({ token: `${key}:${signature}`, data });
    }),
  );
  expect(splitTokenData("a.jwt.text")).toEqual({ token: "a.jwt.text" });
});

it("N17 › a subscribe takes the data out of the token, unless it has its own", () => {
  const targetOf = (members: object) => {
    const text = JSON.stringify({ type: "subscribe", channel: "presence-a", ...members });
    const result = decodeJsonCommand(new TextEncoder().encode(text));
    return result.ok && result.value.type === "subscribe" ? result.value.targets[0] : result;
  };
  const data = '{"user_id":"7:ann"}';
  expect(targetOf({ token: `k:s:${data}` })).toEqual({ channel: "presence-a", token: "k:s", data });
  expect(targetOf({ token: "k:s", data })).toEqual({ channel: "presence-a", token: "k:s", data });
  expect(targetOf({ token: "k:s:x", data })).toEqual({ channel: "presence-a", token: "k:s:x", data });
});
