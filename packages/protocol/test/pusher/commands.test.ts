import { decodePusherCommand, MAX_WATCHED_USERS, readUserData } from "@carillon/protocol/pusher";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytes, channelName, jsonText, jsonValue, withOffset } from "../support/arbitraries.ts";

const encoder = new TextEncoder();
const decode = (frame: unknown) => decodePusherCommand(encoder.encode(JSON.stringify(frame)));
const text = fc.string({ unit: "grapheme", maxLength: 40 });

describe("decodePusherCommand", () => {
  it("P7 › random bytes and random JSON never throw, and a refusal says what is wrong without quoting", () => {
    const anything = fc.oneof(
      bytes(300),
      jsonText.map((json) => encoder.encode(json)),
      fc
        .record({
          event: fc.oneof(text, fc.constantFrom("pusher:subscribe", "pusher:signin", "client-x", "pusher:unsubscribe")),
          data: jsonValue,
          channel: jsonValue,
        })
        .map((frame) => encoder.encode(JSON.stringify(frame))),
    );
    fc.assert(
      fc.property(anything, (frame) => {
        const result = decodePusherCommand(frame);
        if (!result.ok) expect(result.message.length).toBeGreaterThan(10);
      }),
      { numRuns: 1000 },
    );
    const refusal = decodePusherCommand(encoder.encode('{"auth":"app-key:very-secret'));
    expect(JSON.stringify(refusal)).not.toContain("secret");
  });

  it("P14 › what is signed is read exactly as it was sent, as an object or as text of one", () => {
    fc.assert(
      fc.property(channelName, text, text, fc.boolean(), (channel, auth, channelData, isText) => {
        const data = { channel, auth, channel_data: channelData };
        const result = decode({ event: "pusher:subscribe", data: isText ? JSON.stringify(data) : data });
        expect(result).toEqual({ ok: true, value: { type: "subscribe", channel, auth, channelData } });
      }),
    );
  });

  it("P40, P43 › whatever recover is, the subscribe is read; only text is a position, only a socket id is one", () => {
    const recovers = fc.oneof(
      jsonValue,
      fc.record({ position: jsonValue, socket_id: fc.oneof(jsonValue, fc.constantFrom("1.2", "1.", "1.2\n")) }),
    );
    fc.assert(
      fc.property(recovers, (recover) => {
        const result = decode({ event: "pusher:subscribe", data: { channel: "a", recover } });
        if (!result.ok || result.value.type !== "subscribe") throw new Error(JSON.stringify(result));
        const read = result.value.recover;
        if (recover === null) expect(read).toBeUndefined();
        else expect(typeof read?.position).toBe("string");
        expect(read?.socketId ?? "1.2").toBe("1.2");
      }),
    );
    const ping = (data: unknown) => decode({ event: "pusher:ping", data });
    expect(ping({ recovery: 1 })).toEqual({ ok: true, value: { type: "ping", wantsRecovery: true } });
    for (const data of [undefined, {}, "", "{", { recovery: true }, [1]]) {
      expect(ping(data)).toEqual({ ok: true, value: { type: "ping", wantsRecovery: false } });
    }
  });

  it("P8, P15, P16, P28 › a name that is none is no malformed frame; a channel that is no text is", () => {
    const subscribed = (channel: unknown) => decode({ event: "pusher:subscribe", data: { channel } });
    expect(subscribed("room:0")).toMatchObject({
      value: { type: "refused", subscribed: "room:0", refusal: { code: "invalid_channel" } },
    });
    expect(subscribed("é".repeat(5000))).toMatchObject({ value: { subscribed: "é".repeat(1000) } });
    expect(decode({ event: "pusher:unsubscribe", data: { channel: "room:0" } })).toMatchObject({
      value: { type: "unknown" },
    });
    expect(decode({ event: "client-x", channel: "room:0", data: 1 })).toMatchObject({
      value: { type: "refused", subscribed: null, refusal: { code: "invalid_channel" } },
    });
    for (const channel of [undefined, 7, {}]) {
      const frames = ["subscribe", "unsubscribe"].map((name) => ({ event: `pusher:${name}`, data: { channel } }));
      for (const frame of [...frames, { event: "client-x", channel, data: 1 }]) {
        expect(decode(frame)).toMatchObject({ ok: false, code: "invalid_channel" });
      }
    }
  });

  it("P8, P15 › proof that is no text is refused for its channel, as no malformed frame", () => {
    for (const proof of [{ auth: 7 }, { auth: {} }, { auth: "k:s", channel_data: { user_id: "1" } }]) {
      expect(decode({ event: "pusher:subscribe", data: { channel: "presence-a", ...proof } })).toMatchObject({
        value: { type: "refused", subscribed: "presence-a", refusal: { code: "invalid_field" } },
      });
    }
  });

  it("P13 › null stands for absent", () => {
    expect(decode({ event: "pusher:subscribe", data: { channel: "a", auth: null, channel_data: null } })).toEqual({
      ok: true,
      value: { type: "subscribe", channel: "a" },
    });
  });

  it("P29 › the data of a client event is taken as it stands in the frame, wherever in a buffer that is", () => {
    fc.assert(
      fc.property(channelName, jsonText, fc.nat({ max: 5 }), (channel, data, offset) => {
        const frame = withOffset(
          encoder.encode(`{ "data" :${data}, "event":"client-x","channel":"${channel}"}`),
          offset,
        );
        const result = decodePusherCommand(frame);
        if (!result.ok || result.value.type !== "client-event") throw new Error(JSON.stringify(result));
        const { payload, isDataText } = result.value;
        const value: unknown = JSON.parse(data);
        const carried = Buffer.from(payload).toString();
        if (typeof value !== "string") expect(carried).toBe(data);
        else if (isDataText === true) expect(carried).toBe(value);
        else expect(JSON.parse(carried)).toBe(value);
      }),
    );
  });

  it("P27 › only what begins with client- is a client event", () => {
    for (const event of ["my-client-event", "Client-x", "client", "pusher:client-x", "", "toString"]) {
      expect(decode({ event, channel: "private-a", data: {} })).toEqual({ ok: true, value: { type: "unknown" } });
    }
    expect(decode({ event: `client-${"x".repeat(193)}`, channel: "private-a", data: {} })).toMatchObject({ ok: true });
    expect(decode({ event: `client-${"x".repeat(194)}`, channel: "private-a", data: {} })).toMatchObject({
      value: { type: "refused", subscribed: null, refusal: { code: "invalid_event" } },
    });
  });
});

describe("readUserData", () => {
  it("P33 › reads id, info and watchlist; random text never throws", () => {
    expect(readUserData('{"id":"u","user_info":{"n":1},"watchlist":["a","b","a"],"more":1}')).toEqual({
      ok: true,
      value: { id: "u", info: '{"n":1}', watchlist: ["a", "b"], isWatchlistCut: false },
    });
    fc.assert(
      fc.property(fc.oneof(text, jsonText), (each) => {
        readUserData(each);
      }),
    );
  });

  it("P37 › cuts a long watchlist, counting each user once", () => {
    const ids = Array.from({ length: MAX_WATCHED_USERS }, (_, index) => `u-${index}`);
    const cut = (watchlist: readonly string[]) => {
      const result = readUserData(JSON.stringify({ id: "u", watchlist }));
      return result.ok ? [result.value.watchlist.length, result.value.isWatchlistCut] : result;
    };
    expect(cut([...ids, ...ids])).toEqual([MAX_WATCHED_USERS, false]);
    expect(cut([...ids, "one-more"])).toEqual([MAX_WATCHED_USERS, true]);
  });
});
