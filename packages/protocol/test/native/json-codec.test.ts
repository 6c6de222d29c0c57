import {
  decodeJsonCommand,
  encodeJsonFrame,
  encodeJsonGap,
  encodeJsonHistory,
  encodeJsonPublication,
} from "@carillon/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { channelName, eventName, jsonText, withOffset } from "../support/arbitraries.ts";
import { describeCodec, publicationOf } from "../support/describe-codec.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function textOf(frame: string | Uint8Array): string {
  return typeof frame === "string" ? frame : decoder.decode(frame);
}

describeCodec({
  name: "JSON",
  decodeCommand: decodeJsonCommand,
  encodeFrame: encodeJsonFrame,
  encodeHistory: encodeJsonHistory,
  encodePublication: encodeJsonPublication,
  encodeGap: encodeJsonGap,
  clientEncodes: (map) => encoder.encode(JSON.stringify(map)),
  clientDecodes: (frame) => JSON.parse(textOf(frame)),
});

describe("JSON › payload bytes", () => {
  it("N22 › a publish's payload is the very bytes that came, not a copy of them", () => {
    fc.assert(
      fc.property(jsonText, fc.constantFrom("", " ", "\n\t"), (payload, blank) => {
        const frame = `{"payload":${blank}${payload}${blank},"type":"publish","channel":"c","event":"e"}`;
        const data = withOffset(encoder.encode(frame), 3);
        const result = decodeJsonCommand(data);
        if (!result.ok || result.value.type !== "publish") return expect.fail(JSON.stringify(result));
        expect(decoder.decode(result.value.payload)).toBe(payload);
        expect(result.value.payload.buffer).toBe(data.buffer);
      }),
    );
  });

  it("N22 › a delivery has the payload byte for byte", () => {
    fc.assert(
      fc.property(channelName, eventName, jsonText, (channel, event, payload) => {
        const text = textOf(encodeJsonPublication(channel, publicationOf(event, payload)));
        expect(text).toBe(`{"channel":"${channel}","event":${JSON.stringify(event)},"payload":${payload}}`);
        expect(JSON.parse(text)).toEqual({ channel, event, payload: JSON.parse(payload) });
      }),
    );
  });

  it.each([
    ["a repeated one counts where it stands last", '"payload":1,"payload":2,', "2"],
    ["one written with escapes is found", '"\\u0070ayload":{"payload":3},', '{"payload":3}'],
    ["one inside another member is not it", '"x":{"payload":4},', "null"],
    ["null is null", '"payload":null,', "null"],
  ])("N22 › %s", (_name, members, expected) => {
    const result = decodeJsonCommand(encoder.encode(`{${members}"type":"publish","channel":"c","event":"e"}`));
    expect(result.ok && result.value.type === "publish" && decoder.decode(result.value.payload)).toBe(expected);
  });
});

describe("JSON › replies", () => {
  const id = fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }));
  const subscribed = fc.record(
    {
      type: fc.constant("subscribed" as const),
      id,
      channel: channelName,
      channels: fc.array(channelName),
      position: fc.constant("7:1"),
      recovered: fc.boolean(),
    },
    { requiredKeys: ["type"] },
  );
  const welcome = fc.record(
    {
      type: fc.constant("welcome" as const),
      connectionId: fc.tuple(fc.nat(), fc.nat()).map((numbers) => numbers.join(".")),
      version: fc.nat(),
      idleTimeoutMs: fc.nat(),
      maxFrameBytes: fc.nat(),
      expiresAt: fc.maxSafeNat(),
    },
    { requiredKeys: ["type", "connectionId", "version", "idleTimeoutMs", "maxFrameBytes"] },
  );

  it("those that are put together by hand have the members that they are made of, and no others", () => {
    fc.assert(
      fc.property(fc.oneof(subscribed, welcome), (frame) => {
        expect(JSON.parse(encodeJsonFrame(frame))).toEqual(JSON.parse(JSON.stringify(frame)));
      }),
    );
  });
});

describe("JSON › what is none", () => {
  it.each([
    "",
    " ",
    "{",
    "{'type':'ping'}",
    '{"type":"ping"}}',
    '{"type":"ping",}',
    "NaN",
    '\ufeff{"type":"ping"}',
    '{"a":"\n"}',
  ])("N7 › %j is refused with invalid_json", (text) => {
    expect(decodeJsonCommand(encoder.encode(text))).toEqual(expect.objectContaining({ code: "invalid_json" }));
  });

  it("N7 › bytes that are not UTF-8 are refused with invalid_json", () => {
    const data = encoder.encode('{"type":"ping","x":"?"}');
    data[data.indexOf(0x3f)] = 0xff;
    expect(decodeJsonCommand(data)).toEqual(expect.objectContaining({ code: "invalid_json" }));
  });

  it("N29 › the refusal of a frame that isn't JSON quotes nothing of it", () => {
    const result = decodeJsonCommand(encoder.encode('{"type":"refresh","token":"eyJ-a-secret'));
    expect(JSON.stringify(result)).not.toContain("eyJ");
  });

  it("N12, N29 › a refused command names its one channel, where that could be read", () => {
    const wrong = { id: 1, channel: "private-a", token: 7, event: 7, limit: 0, receipt: 7 };
    for (const type of ["subscribe", "publish", "history", "presence", "received"]) {
      const refused = decodeJsonCommand(encoder.encode(JSON.stringify({ ...wrong, type })));
      expect(refused).toMatchObject({ ok: false, id: 1, channel: "private-a" });
    }
    for (const unread of [{ channel: "a b" }, { channel: "a", channels: [7] }]) {
      const refused = decodeJsonCommand(encoder.encode(JSON.stringify({ type: "subscribe", ...unread })));
      expect(refused).toMatchObject({ ok: false });
      expect(refused).not.toHaveProperty("channel");
    }
  });

  it("N8 › a number beyond what a double holds is no id", () => {
    expect(decodeJsonCommand(encoder.encode('{"type":"ping","id":1e999}'))).toEqual(
      expect.objectContaining({ code: "invalid_field" }),
    );
  });

  it("N7 › nesting of any depth is read, and harms nothing", () => {
    const payload = "[".repeat(30_000) + "]".repeat(30_000);
    const result = decodeJsonCommand(
      encoder.encode(`{"type":"publish","channel":"c","event":"e","payload":${payload}}`),
    );
    expect(result.ok && result.value.type === "publish" && result.value.payload.length).toBe(60_000);
  });

  it("N9 › members named like those of every object are no members of the frame", () => {
    const frame = '{"__proto__":{"type":"ping","id":1,"channel":"a"}}';
    expect(decodeJsonCommand(encoder.encode(frame))).toEqual(expect.objectContaining({ code: "missing_field" }));
  });
});
