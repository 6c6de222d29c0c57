import {
  connectionEstablished,
  encodePusherPublication,
  eventsLost,
  memberAdded,
  memberRemoved,
  pusherError,
  signInSuccess,
  subscriptionCount,
  subscriptionSucceeded,
  toPayload,
  watchlistEvents,
} from "@carillon/protocol/pusher";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { channelName, eventName, jsonText } from "../support/arbitraries.ts";

const BASE = { id: "m", timeMs: 0, exclude: "" };
const parse = (frame: string | Uint8Array) =>
  JSON.parse(typeof frame === "string" ? frame : new TextDecoder("utf-8", { fatal: true }).decode(frame)) as Record<
    string,
    unknown
  >;
const id = fc.oneof(fc.string({ unit: "grapheme", minLength: 1, maxLength: 128 }), fc.constantFrom("__proto__", '"\\'));

describe("frames", () => {
  it("P25, P26 › a publication has three members, and data is the published text or string", () => {
    fc.assert(
      fc.property(channelName, eventName, jsonText, (channel, event, json) => {
        fc.pre(!event.startsWith("client-"));
        const frame = parse(encodePusherPublication(channel, { ...BASE, event, payload: Buffer.from(json) }));
        const value: unknown = JSON.parse(json);
        // Half surrogate pairs stand as escapes in the text, and come out of the string literal as what they are.
        expect(frame).toEqual({ event, channel, data: typeof value === "string" ? value : json });
        const text = parse(encodePusherPublication(channel, { ...BASE, event, ...toPayload(json) }));
        expect(text["data"]).toBe(json);
      }),
    );
  });

  it("P41 › a position is one member more, the last one, and is told apart from whatever was published", () => {
    // As the plugin finds it, without reading the frame.
    const last = /,"position":"([\w:-]{1,64})"\}$/;
    const position = fc.stringMatching(/^[\w-]{1,32}:\d{1,16}$/);
    const tricky = fc.oneof(
      jsonText,
      position.map((each) => JSON.stringify({ a: 1, position: each })),
      position.map((each) => JSON.stringify(`{"a":1,"position":"${each}"}`)),
      position.map((each) => `"\\",\\"position\\":\\"${each}\\"}"`),
    );
    const event = fc.oneof(eventName, fc.constantFrom("client-x"));
    fc.assert(
      fc.property(channelName, event, tricky, fc.option(position), (channel, name, json, at) => {
        const publication = { ...BASE, event: name, payload: Buffer.from(json), userId: 'a","position":"x:1"}' };
        const frame = encodePusherPublication(channel, publication, at ?? undefined);
        expect(last.exec(new TextDecoder().decode(frame))?.[1]).toBe(at ?? undefined);
        const { position: told, ...others } = parse(frame);
        expect(told).toBe(at ?? undefined);
        expect(others).toEqual(parse(encodePusherPublication(channel, publication)));
      }),
    );
    fc.assert(
      fc.property(channelName, position, (channel, at) => {
        for (const frame of [eventsLost(channel, at), subscriptionSucceeded(channel, undefined, { position: at })]) {
          expect(last.exec(frame)?.[1]).toBe(at);
        }
        expect(
          parse(subscriptionSucceeded(channel, undefined, { recovered: false, reason: "too_old", position: at })),
        ).toEqual({
          event: "pusher_internal:subscription_succeeded",
          channel,
          data: "{}",
          recovered: false,
          reason: "too_old",
          position: at,
        });
      }),
    );
  });

  it("P29 › a client event has its data as it was sent, and its sender on presence channels alone", () => {
    fc.assert(
      fc.property(channelName, jsonText, id, (channel, json, userId) => {
        const publication = { ...BASE, event: "client-x", payload: Buffer.from(json), userId };
        const frame = parse(encodePusherPublication(channel, publication));
        const sender = channel.startsWith("presence-") ? { user_id: userId } : {};
        expect(frame).toEqual({ event: "client-x", channel, data: JSON.parse(json), ...sender });
      }),
    );
  });

  it("P21 › a roster of any ids is JSON text of them all", () => {
    fc.assert(
      fc.property(fc.uniqueArray(id, { maxLength: 8 }), fc.option(jsonText), (ids, info) => {
        const members = ids.map((each) => ({ id: each, info }));
        const frame = parse(subscriptionSucceeded("presence-a", { members, count: ids.length }));
        const { presence } = JSON.parse(String(frame["data"])) as {
          presence: { ids: string[]; hash: object; count: number };
        };
        expect(presence.ids).toEqual(ids);
        expect(presence.count).toBe(ids.length);
        expect(new Map(Object.entries(presence.hash))).toEqual(
          new Map(ids.map((each) => [each, info === null ? null : JSON.parse(info)])),
        );
      }),
    );
  });

  it("P22 › members come and go by frames whose data is a string", () => {
    fc.assert(
      fc.property(id, fc.option(jsonText), (userId, info) => {
        const added = parse(memberAdded("presence-a", { id: userId, info }));
        const user = info === null ? null : (JSON.parse(info) as unknown);
        expect(JSON.parse(String(added["data"]))).toEqual({ user_id: userId, user_info: user });
        expect(JSON.parse(String(parse(memberRemoved("presence-a", userId))["data"]))).toEqual({ user_id: userId });
      }),
    );
  });

  it.each([
    ["connection_established", connectionEstablished("1.2", 120), "string", false],
    ["error", pusherError(null, "why"), "object", false],
    ["subscription_succeeded", subscriptionSucceeded("a"), "string", true],
    ["subscription_count", subscriptionCount("a", 3), "string", true],
    ["signin_success", signInSuccess("{}"), "object", false],
    ["watchlist_events", String(watchlistEvents(["a"], [])), "string", false],
  ])("P7 › %s: the form that every client can read", (_name, text, kind, hasChannel) => {
    const frame = parse(text);
    expect([typeof frame["data"], "channel" in frame]).toEqual([kind, hasChannel]);
    expect(frame["data"]).not.toBe("");
  });

  it("P7 › the first frame says the socket id and the timeout, in a text of its own", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), (node, number, seconds) => {
        const { data } = parse(connectionEstablished(`${node}.${number}`, seconds));
        expect(JSON.parse(String(data))).toEqual({ socket_id: `${node}.${number}`, activity_timeout: seconds });
      }),
    );
  });

  it("P36 › no watchlist event where nobody came or went", () => {
    expect(watchlistEvents([], [])).toBeNull();
    expect(parse(String(watchlistEvents([], ["a"])))["data"]).toBe('{"events":[{"name":"offline","user_ids":["a"]}]}');
  });
});
