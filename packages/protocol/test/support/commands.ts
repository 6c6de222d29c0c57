import type { Command } from "@carillon/protocol";
import fc from "fast-check";
import { channelName, eventName, jsonValue } from "./arbitraries.ts";

/** A command as a client writes it, and what the server should read. */
export interface WrittenCommand {
  readonly map: Readonly<Record<string, unknown>>;
  /** The payload of a publish stands beside it. */
  readonly command: Command;
  /** Absent: not a publish, or one without a payload. */
  readonly payload?: unknown;
}

const text = fc.string({ unit: "grapheme", maxLength: 40 });
const id = fc.oneof(
  fc.string({ unit: "grapheme-ascii", maxLength: 64 }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Object.is(number, -0)),
);
const withId = fc.record({ id }, { requiredKeys: [] });
const rewind = fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.constant("beginning" as const));
const target = fc.record(
  { channel: channelName, token: text, data: text, recover: text, rewind },
  { requiredKeys: ["channel"] },
);
const unknownMembers = fc.dictionary(
  fc.constantFrom("x", "futureMember", "constructor"),
  // Not a key of that name: the msgpack form refuses it wherever it stands (N41).
  fc.jsonValue({ maxDepth: 1 }).filter((value) => !JSON.stringify(value).includes("__proto__")),
);

const subscribeOne = fc
  .tuple(withId, target)
  .map(([id, one]) =>
    written({ type: "subscribe", ...one, ...id }, { type: "subscribe", targets: [one], isMany: false, ...id }),
  );

const subscribeMany = fc
  .tuple(withId, fc.array(fc.tuple(target, fc.boolean()), { minLength: 1, maxLength: 5 }))
  .map(([id, entries]) => {
    const channels = entries.map(([each, isBare]) => (isBare ? each.channel : each));
    const targets = entries.map(([each, isBare]) => (isBare ? { channel: each.channel } : each));
    return written({ type: "subscribe", channels, ...id }, { type: "subscribe", targets, isMany: true, ...id });
  });

const unsubscribe = fc
  .tuple(withId, fc.array(channelName, { minLength: 1, maxLength: 5 }), fc.boolean())
  .map(([id, channels, isMany]) => {
    const [channel = ""] = channels;
    const named = isMany ? { channels } : { channel };
    const command = { type: "unsubscribe", channels: isMany ? channels : [channel], isMany, ...id } as const;
    return written({ type: "unsubscribe", ...named, ...id }, command);
  });

const publish = fc
  .tuple(
    withId,
    channelName,
    eventName,
    fc.option(jsonValue, { nil: undefined }),
    fc.constantFrom(true, false, undefined),
  )
  .map(([id, channel, event, payload, echo]): WrittenCommand => {
    const map = { type: "publish", channel, event, ...id, ...(echo === undefined ? {} : { echo }) };
    const command = {
      type: "publish",
      channel,
      event,
      payload: new Uint8Array(),
      isEchoed: echo === true,
      ...id,
    } as const;
    return payload === undefined ? { map, command } : { map, command, payload };
  });

const history = fc
  .tuple(
    withId,
    channelName,
    fc.option(fc.integer({ min: 1, max: 1000 })),
    fc.constantFrom("forward", "backward", null),
    text,
  )
  .map(([id, channel, limit, direction, since]) => {
    const from = direction === "backward" ? {} : { since };
    const map = {
      type: "history",
      channel,
      ...(limit === null ? {} : { limit }),
      ...(direction === null ? {} : { direction }),
      ...from,
      ...id,
    };
    const command = {
      type: "history",
      channel,
      limit: limit ?? 100,
      direction: direction ?? "forward",
      ...from,
      ...id,
    } as const;
    return written(map, command);
  });

const refresh = fc
  .tuple(withId, text)
  .map(([id, token]) => written({ type: "refresh", token, ...id }, { type: "refresh", token, ...id }));
const ping = withId.map((id) => written({ type: "ping", ...id }, { type: "ping", ...id }));

function written(map: WrittenCommand["map"], command: Command): WrittenCommand {
  return { map, command };
}

/** Any command that the protocol knows, now and then with members of a later version. */
export const anyCommand: fc.Arbitrary<WrittenCommand> = fc
  .tuple(fc.oneof(subscribeOne, subscribeMany, unsubscribe, publish, history, refresh, ping), unknownMembers)
  .map(([each, more]) => ({ ...each, map: { ...more, ...each.map } }));

const LONG = "x".repeat(8193);

/** What is refused in every form, and with which code. The rule first. */
export const REFUSED: readonly (readonly [rule: string, map: Record<string, unknown>, code: string])[] = [
  ["N7", {}, "missing_field"],
  ["N7", { type: "subscribed", channel: "a" }, "invalid_frame"],
  ["N7", { type: 1 }, "invalid_frame"],
  ["N7", { type: null }, "invalid_frame"],
  ["N7", { type: "toString" }, "invalid_frame"],
  ["N12", { type: "subscribe" }, "missing_field"],
  ["N12", { type: "subscribe", channel: 1 }, "invalid_channel"],
  ["N12", { type: "subscribe", channel: "a:b" }, "invalid_channel"],
  ["N12", { type: "subscribe", channel: "a", token: 1 }, "invalid_field"],
  ["N12", { type: "subscribe", channel: "a", token: LONG }, "invalid_field"],
  ["N12", { type: "subscribe", channel: "a", data: {} }, "invalid_field"],
  ["N48", { type: "subscribe", channel: "a", recover: 5 }, "invalid_field"],
  ["N48", { type: "subscribe", channel: "a", recover: "x".repeat(65) }, "invalid_field"],
  ["N52", { type: "subscribe", channel: "a", rewind: 0 }, "invalid_field"],
  ["N52", { type: "subscribe", channel: "a", rewind: 1001 }, "invalid_field"],
  ["N52", { type: "subscribe", channel: "a", rewind: 1.5 }, "invalid_field"],
  ["N52", { type: "subscribe", channels: [{ channel: "a", rewind: "all" }] }, "invalid_field"],
  ["N54", { type: "history" }, "missing_field"],
  ["N54", { type: "history", channel: "a:b" }, "invalid_channel"],
  ["N54", { type: "history", channel: "a", limit: 0 }, "invalid_field"],
  ["N54", { type: "history", channel: "a", limit: "10" }, "invalid_field"],
  ["N54", { type: "history", channel: "a", direction: "up" }, "invalid_field"],
  ["N54", { type: "history", channel: "a", since: 1 }, "invalid_field"],
  ["N54", { type: "history", channel: "a", since: "E:1", direction: "backward" }, "invalid_field"],
  ["N13", { type: "subscribe", channels: [] }, "invalid_field"],
  ["N13", { type: "subscribe", channels: "a" }, "invalid_field"],
  ["N13", { type: "subscribe", channels: null, channel: "a" }, "invalid_field"],
  ["N13", { type: "subscribe", channels: ["a", 1] }, "invalid_field"],
  ["N13", { type: "subscribe", channels: ["a", null] }, "invalid_field"],
  ["N13", { type: "subscribe", channels: ["a", {}] }, "missing_field"],
  ["N13", { type: "subscribe", channels: ["a", ["b"]] }, "missing_field"],
  ["N13", { type: "subscribe", channels: ["a", "b:c"] }, "invalid_channel"],
  ["N13", { type: "subscribe", channels: Array.from({ length: 101 }, (_, index) => `c${index}`) }, "too_many_channels"],
  ["N18", { type: "unsubscribe" }, "missing_field"],
  ["N18", { type: "unsubscribe", channels: [{ channel: "a" }] }, "invalid_channel"],
  ["N18", { type: "unsubscribe", channels: [] }, "invalid_field"],
  ["N19", { type: "publish", event: "e" }, "missing_field"],
  ["N19", { type: "publish", channel: "a" }, "missing_field"],
  ["N21", { type: "publish", channel: "a", event: "pusher:error" }, "invalid_event"],
  ["N21", { type: "publish", channel: "a", event: 1 }, "invalid_event"],
  ["N23", { type: "publish", channel: "a", event: "e", echo: "yes" }, "invalid_field"],
  ["N24", { type: "refresh" }, "missing_field"],
  ["N24", { type: "refresh", token: {} }, "invalid_field"],
  ["N24", { type: "refresh", token: LONG }, "invalid_field"],
];

/** Ids that are none. */
export const BAD_IDS: readonly unknown[] = [null, true, {}, [], "x".repeat(65)];
