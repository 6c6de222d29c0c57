import type { CommandResult, Envelope, HistoryFrame, ServerFrame } from "@carillon/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytes, channelName, eventName, jsonValue, withOffset } from "./arbitraries.ts";
import { anyCommand, BAD_IDS, REFUSED } from "./commands.ts";

/** One form of the native protocol, and a client's view of it. */
export interface CodecUnderTest {
  readonly name: string;
  readonly decodeCommand: (data: Uint8Array) => CommandResult;
  readonly encodeFrame: (frame: ServerFrame) => string | Uint8Array;
  readonly encodeHistory: (frame: HistoryFrame) => string | Uint8Array;
  readonly encodePublication: (channel: string, publication: Envelope, position?: string) => Uint8Array;
  readonly encodeGap: (channel: string, position?: string) => Uint8Array;
  /** What a client does with what it sends. */
  readonly clientEncodes: (map: unknown) => Uint8Array;
  /** What a client does with what it gets. */
  readonly clientDecodes: (frame: string | Uint8Array) => unknown;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

type KeysOf<T> = T extends unknown ? keyof T : never;
// Doesn't compile once some frame has a member "event".
const IS_EVENT_A_MEMBER: "event" extends KeysOf<ServerFrame> ? true : false = false;

const NAMED_REFUSALS = REFUSED.map(([rule, map, code]) => [rule, JSON.stringify(map).slice(0, 80), code, map] as const);

const FRAMES: readonly ServerFrame[] = [
  {
    type: "welcome",
    connectionId: "1.1",
    version: 1,
    idleTimeoutMs: 1,
    maxFrameBytes: 2,
    expiresAt: 1_767_225_600_000,
  },
  { type: "subscribed", id: "a", channel: "c" },
  { type: "subscribed", channels: [], errors: [{ channel: "c", code: "forbidden", message: 'é 😀 " \\ \u2028' }] },
  { type: "unsubscribed", id: 2 ** 40, channels: ["a", "b"] },
  { type: "published", id: 1.5, messageId: "m" },
  { type: "published", id: 1, messageId: "m", position: "E-_1:0" },
  { type: "subscribed", channel: "c", position: "E:5", recovered: false, reason: "too_old" },
  { type: "subscribed", channels: ["c"], histories: [{ channel: "c", position: "E:5", recovered: true }] },
  { type: "gap", channel: "c" },
  { type: "refreshed", expiresAt: 1 },
  { type: "pong", id: -1 },
  { type: "error", id: "", code: "drain", message: "m", channel: "c" },
  { type: "reconnect", delayMs: 0, reason: "r" },
];

/** The laws that every form of the native protocol keeps. */
export function describeCodec(codec: CodecUnderTest): void {
  describe(`${codec.name} › commands`, () => {
    it("N7, N9 › every command is read as it was written, unknown members are ignored", () => {
      fc.assert(
        fc.property(anyCommand, fc.nat({ max: 5 }), ({ map, command, payload }, offset) => {
          const frame = payload === undefined ? map : { ...map, payload };
          const result = codec.decodeCommand(withOffset(codec.clientEncodes(frame), offset));
          if (!result.ok) return expect.fail(`${result.code}: ${result.message}`);
          if (command.type !== "publish" || result.value.type !== "publish") {
            expect(result.value).toEqual(command);
            return;
          }
          expect({ ...result.value, payload: null }).toEqual({ ...command, payload: null });
          expect(JSON.parse(decoder.decode(result.value.payload))).toEqual(payload ?? null);
        }),
        { numRuns: 300 },
      );
    });

    it.each(NAMED_REFUSALS)("%s › %s is refused with %s, and the refusal has the id", (_rule, _text, code, map) => {
      expect(codec.decodeCommand(codec.clientEncodes({ ...map, id: "my-id" }))).toEqual(
        expect.objectContaining({ ok: false, code, id: "my-id", message: expect.stringMatching(/.{10}/) }),
      );
      expect(codec.decodeCommand(codec.clientEncodes(map))).not.toHaveProperty("id");
    });

    it.each(BAD_IDS.map((id) => [id]))("N8 › %j is no id", (id) => {
      const result = codec.decodeCommand(codec.clientEncodes({ type: "ping", id }));
      expect(result).toEqual(expect.objectContaining({ ok: false, code: "invalid_field" }));
      expect(result).not.toHaveProperty("id");
    });

    it.each([[null], [1], ["subscribe"], [["subscribe"]], [[{ type: "ping" }]]])("N7 › %j is no frame", (value) => {
      expect(codec.decodeCommand(codec.clientEncodes(value))).toEqual(
        expect.objectContaining({ code: "invalid_frame" }),
      );
    });

    it("N13 › a hundred channels are not too many", () => {
      const channels = Array.from({ length: 100 }, (_, index) => `c${index}`);
      expect(codec.decodeCommand(codec.clientEncodes({ type: "subscribe", channels })).ok).toBe(true);
    });

    it("N29 › random bytes never throw, and what is refused is told in words", () => {
      const damaged = fc.tuple(anyCommand, fc.nat(), fc.nat({ max: 255 })).map(([{ map }, position, byte]) => {
        const data = codec.clientEncodes(map).slice();
        data[position % data.length] = byte;
        return data;
      });
      fc.assert(
        fc.property(fc.oneof(bytes(100), damaged), (data) => {
          const result = codec.decodeCommand(data);
          if (!result.ok)
            expect([result.code, result.message]).toEqual([expect.any(String), expect.stringMatching(/.{10}/)]);
        }),
        { numRuns: 2000 },
      );
    });
  });

  describe(`${codec.name} › what the server sends`, () => {
    it.each(FRAMES)("N10 › %j arrives as it is, without a member event", (frame) => {
      expect(codec.clientDecodes(codec.encodeFrame(frame))).toEqual(frame);
      expect("event" in frame).toBe(IS_EVENT_A_MEMBER);
    });

    it("N31 › a delivery is exactly channel, event and payload where there is no history", () => {
      fc.assert(
        fc.property(channelName, eventName, jsonValue, (channel, event, payload) => {
          const publication = publicationOf(event, JSON.stringify(payload));
          expect(codec.clientDecodes(codec.encodePublication(channel, publication))).toEqual({
            channel,
            event,
            payload,
          });
        }),
      );
    });

    it("N48 › a delivery on a channel with history has its position besides", () => {
      fc.assert(
        fc.property(channelName, eventName, jsonValue, fc.nat(), (channel, event, payload, offset) => {
          const position = `aB3_-:${offset}`;
          const publication = publicationOf(event, JSON.stringify(payload));
          expect(codec.clientDecodes(codec.encodePublication(channel, publication, position))).toEqual({
            channel,
            event,
            payload,
            position,
          });
        }),
      );
    });

    it("N53 › a gap names the channel, and where the connection stands if that is known", () => {
      fc.assert(
        fc.property(channelName, (channel) => {
          expect(codec.clientDecodes(codec.encodeGap(channel))).toEqual({ type: "gap", channel });
          const position = "epoch_1-A:9007199254740991";
          expect(codec.clientDecodes(codec.encodeGap(channel, position))).toEqual({ type: "gap", channel, position });
        }),
      );
    });

    it("N54 › a history has each publication with its payload, position and time", () => {
      fc.assert(
        fc.property(fc.array(fc.tuple(eventName, jsonValue), { maxLength: 4 }), (items) => {
          const publications = items.map(([event, payload], index) => ({
            publication: publicationOf(event, JSON.stringify(payload)),
            position: `E:${index}`,
          }));
          const rest = {
            type: "history",
            id: 7,
            channel: "c",
            position: "E:9",
            hasMore: true,
            reachable: false,
          } as const;
          expect(codec.clientDecodes(codec.encodeHistory({ ...rest, publications }))).toEqual({
            ...rest,
            publications: items.map(([event, payload], index) => ({ event, payload, position: `E:${index}`, time: 1 })),
          });
        }),
      );
    });

    it("N31 › an event name of any length from a foreign publisher makes no broken frame", () => {
      const event = '\\"€'.repeat(2000);
      const frame = codec.encodePublication("c", publicationOf(event, "1"));
      expect(codec.clientDecodes(frame)).toEqual({ channel: "c", event, payload: 1 });
    });

    it("N31 › a frame is fresh bytes: the next one leaves it alone", () => {
      const first = codec.encodePublication("c", publicationOf("first", '"first"'));
      const copy = first.slice();
      codec.encodePublication("d", publicationOf("second", '"second and longer"'));
      expect(Buffer.from(first)).toEqual(Buffer.from(copy));
    });
  });
}

/** An envelope around a payload in JSON text. */
export function publicationOf(event: string, payload: string): Envelope {
  return { id: "m", timeMs: 1, exclude: "", event, payload: encoder.encode(payload) };
}
