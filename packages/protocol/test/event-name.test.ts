import { isClientEventName, isEventName, MAX_EVENT_NAME_LENGTH } from "@carillon/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import { eventName } from "./support/arbitraries.ts";

it("N21 › names in any script are event names", () => {
  fc.assert(
    fc.property(eventName, (name) => {
      expect(isEventName(name)).toBe(true);
    }),
  );
});

it("N21 › a control character anywhere makes it none", () => {
  const control = fc.oneof(fc.nat({ max: 0x1f }), fc.constant(0x7f)).map((code) => String.fromCharCode(code));
  fc.assert(
    fc.property(eventName, control, fc.nat(), (name, character, position) => {
      const short = name.slice(0, 100);
      const at = position % (short.length + 1);
      expect(isEventName(short.slice(0, at) + character + short.slice(at))).toBe(false);
    }),
  );
});

it.each([
  "pusher:x",
  "pusher_internal:x",
  "carillon:x",
  "pusher:",
  "",
  "x".repeat(MAX_EVENT_NAME_LENGTH + 1),
  "\ud800",
  "a\udc00b",
  1,
  null,
  undefined,
])("N21 › %j is none", (name) => expect(isEventName(name)).toBe(false));

it.each(["pusher", "pusherx:", "carillon", "Pusher:x", "x-pusher:y", "😀", "x".repeat(MAX_EVENT_NAME_LENGTH)])(
  "N21 › %j is one",
  (name) => expect(isEventName(name)).toBe(true),
);

it("N20 › client events begin with client-", () => {
  expect(isClientEventName("client-typing")).toBe(true);
  for (const name of ["client", "Client-typing", "xclient-typing", "order"])
    expect(isClientEventName(name)).toBe(false);
});
