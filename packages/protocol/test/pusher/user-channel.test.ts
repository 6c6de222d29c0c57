import { isChannelName, MAX_USER_ID_LENGTH } from "@carillon/protocol";
import { userChannel, userIdOfUserChannel } from "@carillon/protocol/pusher";
import fc from "fast-check";
import { expect, it } from "vitest";

const userId = fc.oneof(
  fc.stringMatching(/^[-a-zA-Z0-9_=@,.;]{1,128}$/),
  fc.constantFrom("auth0|7", "7:ann", "Zoë", "a b", "#", "x".repeat(128)),
);

it("user channel › name and user id become each other, and no other channel has such a name", () => {
  fc.assert(
    fc.property(userId, (id) => {
      expect(userIdOfUserChannel(userChannel(id))).toBe(id);
      expect(isChannelName(userChannel(id))).toBe(false);
    }),
  );
});

it.each([
  "",
  "server-to-user-7",
  "#server-to-user-",
  "#server-to-user-a\n",
  "#server-to-user-\ud800",
  `#server-to-user-${"x".repeat(MAX_USER_ID_LENGTH + 1)}`,
  "x#server-to-user-7",
])("user channel › %j is no user's", (name) => {
  expect(userIdOfUserChannel(name)).toBeNull();
});
