import { channelStringToSign, splitChannelToken } from "@carillon/protocol";
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
