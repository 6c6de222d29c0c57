import {
  channelKind,
  isChannelName,
  isPublishableChannel,
  isServerChannel,
  MAX_CHANNEL_NAME_LENGTH,
  userChannelOf,
  userOfChannel,
} from "@carillon/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import { channelName } from "./support/arbitraries.ts";

it("N16 › every name of the alphabet and length is a channel name", () => {
  fc.assert(
    fc.property(channelName, (name) => {
      expect(isChannelName(name)).toBe(true);
    }),
  );
  expect(isChannelName("x".repeat(MAX_CHANNEL_NAME_LENGTH))).toBe(true);
});

it("N16 › one character outside the alphabet makes it none", () => {
  const outside = fc
    .string({ unit: "binary", minLength: 1, maxLength: 1 })
    .filter(
      (character) => !"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-=@,.;".includes(character),
    );
  fc.assert(
    fc.property(channelName, outside, fc.nat(), (name, character, position) => {
      const at = position % (name.length + 1);
      expect(isChannelName(name.slice(0, at) + character + name.slice(at))).toBe(false);
    }),
  );
});

it.each([
  "",
  "a:b",
  "a b",
  "a/b",
  "a*",
  "a>",
  "a\n",
  "é",
  "x".repeat(MAX_CHANNEL_NAME_LENGTH + 1),
  42,
  null,
  undefined,
  ["a"],
  {},
])("N16 › %j is none", (name) => expect(isChannelName(name)).toBe(false));

it.each([
  ["orders", "public"],
  ["private", "public"],
  ["xprivate-a", "public"],
  ["Private-a", "public"],
  ["private-a", "private"],
  ["private-encrypted-a", "private"],
  ["private-cache-a", "private"],
  ["presence-a", "presence"],
  ["presence-cache-a", "presence"],
  ["cache-a", "public"],
])("N17 › %s is %s", (name, kind) => expect(channelKind(name)).toBe(kind));

const userId = fc.oneof(
  fc.stringMatching(/^[-a-zA-Z0-9_=@,.;]{1,128}$/),
  fc.constantFrom("auth0|7", "7:ann", "Zoë", "a b", "#", "x".repeat(128)),
);

it("P35 › a user's channel and the user's id become each other, and no client can choose such a name", () => {
  fc.assert(
    fc.property(userId, (id) => {
      const name = userChannelOf(id);
      expect([userOfChannel(name), isChannelName(name), isServerChannel(name)]).toEqual([id, false, true]);
      expect(isPublishableChannel(name)).toBe(true);
    }),
  );
});

it.each([
  "",
  "server-to-user-7",
  "#server-to-user-",
  "#server-to-user-a\n",
  "#server-to-user-\ud800",
  `#server-to-user-${"x".repeat(129)}`,
  "x#server-to-user-7",
  "#online",
])("P35 › %j is no user's channel", (name) => {
  expect([userOfChannel(name), name.startsWith("#") && isPublishableChannel(name)]).toEqual([null, false]);
});
