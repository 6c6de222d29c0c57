import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readBatch, readPublish } from "../src/publish-request.ts";
import { limits } from "./support/apps.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function source(text: string, changes: Parameters<typeof limits>[0] = {}) {
  return { value: JSON.parse(text) as unknown, bytes: encoder.encode(text), limits: limits(changes) };
}

function publish(text: string, changes: Parameters<typeof limits>[0] = {}) {
  const result = readPublish(source(text, changes));
  if (!result.ok) throw new Error(result.message);
  const [request] = result.value;
  if (request === undefined) throw new Error("no request");
  return { ...request.event, channels: request.channels, payload: decoder.decode(request.event.payload) };
}

function refusal(text: string, changes: Parameters<typeof limits>[0] = {}) {
  const result = readPublish(source(text, changes));
  return result.ok ? "accepted" : `${result.code}: ${result.message}`;
}

describe("readPublish", () => {
  it("reads channel, event and payload", () => {
    expect(publish(`{"channel":"user-42","event":"order","payload":{"n":1}}`)).toEqual({
      channels: ["user-42"],
      event: "order",
      payload: `{"n":1}`,
      exclude: "",
      isIdempotent: false,
    });
  });

  it("reads several channels, each once, in order", () => {
    expect(publish(`{"channels":["b","a","b"],"event":"e"}`).channels).toEqual(["b", "a"]);
  });

  it("reads the channel of a user, and no other name that clients can't choose", () => {
    expect(publish(`{"channel":"#server-to-user-u|1","event":"e"}`).channels).toEqual(["#server-to-user-u|1"]);
    for (const channel of ["#server-to-user-", "#online", `#server-to-user-${"x".repeat(129)}`]) {
      expect(refusal(`{"channel":"${channel}","event":"e"}`)).toContain("invalid_channel");
    }
  });

  it("reads id and exclude, and takes null for absent", () => {
    expect(publish(`{"channel":"a","event":"e","id":"order-1","exclude":"12.34"}`)).toMatchObject({
      id: "order-1",
      isIdempotent: true,
      exclude: "12.34",
    });
    const plain = publish(`{"channel":"a","channels":null,"event":"e","id":null,"exclude":null}`);
    expect(plain).toEqual({ channels: ["a"], event: "e", payload: "null", exclude: "", isIdempotent: false });
  });

  it("makes an absent payload null", () => {
    expect(publish(`{"channel":"a","event":"e"}`).payload).toBe("null");
  });

  it("ignores members that it doesn't know", () => {
    expect(publish(`{"channel":"a","event":"e","payload":1,"later":{"payload":2}}`).payload).toBe("1");
  });

  it("takes the last of a repeated payload, as JSON.parse does", () => {
    expect(publish(`{"payload":1,"channel":"a","event":"e","pay\\u006coad":[2]}`).payload).toBe("[2]");
  });

  it("passes any payload on byte for byte", () => {
    const blanks = fc.array(fc.constantFrom(" ", "\n", "\t", "\r"), { maxLength: 3 }).map((all) => all.join(""));
    const numbers = fc.constantFrom("12345678901234567890", "1.0", "-0", "1E+2", "0.10e-5", "9007199254740993");
    const payloads = fc.oneof(
      fc.json(),
      fc.json().map((text) => JSON.stringify(JSON.parse(text), null, 2)),
      fc.tuple(blanks, numbers, blanks, numbers).map(([a, n, b, m]) => `[${a}${n}${b},${a}{"${"\\u00e9"}":${b}${m}}]`),
    );
    fc.assert(
      fc.property(payloads, blanks, fc.boolean(), (payload, blank, isFirst) => {
        const member = `"payload"${blank}:${blank}${payload}`;
        const rest = `"channel":"a",${blank}"event":"e"`;
        const text = `${blank}{${isFirst ? `${member},${rest}` : `${rest},${member}`}${blank}}`;
        // Blanks at the ends of a value belong to the object around it, not to the value.
        expect(publish(text).payload).toBe(payload.replace(/^[ \n\r\t]+|[ \n\r\t]+$/g, ""));
      }),
    );
  });

  it.each([
    [`[]`, `invalid_field: the body is an array: several events go to POST /publish/batch`],
    [`"x"`, `invalid_field: the body is a string`],
    [`null`, `invalid_field: the body is null`],
    [`{}`, `missing_field: "channel" is missing (a string, or "channels"): the object is empty`],
    [
      `{"chanel":"a","event":"e"}`,
      `missing_field: "channel" is missing (a string, or "channels"): found "chanel", "event"`,
    ],
    [`{"events":[]}`, `missing_field: "channel" is missing: a body with "events" goes to POST /publish/batch`],
    [`{"channel":"a"}`, `missing_field: "event" is missing`],
    [
      `{"channel":"a","event":"e","data":{}}`,
      `missing_field: "payload" is missing (any JSON value; null for none): found`,
    ],
    [`{"channel":1,"event":"e"}`, `invalid_channel: "channel" is a number: a channel name has`],
    [`{"channel":"a:b","event":"e"}`, `invalid_channel: "channel" contains ":": a channel name has`],
    [`{"channel":"","event":"e"}`, `invalid_channel: "channel" has 0 characters`],
    [`{"channel":"a","channels":["a"],"event":"e"}`, `invalid_field: "channel" and "channels" are both there`],
    [`{"channels":"a","event":"e"}`, `invalid_field: "channels" is a string, not an array`],
    [`{"channels":[],"event":"e"}`, `invalid_field: "channels" is empty`],
    [`{"channels":["a",{}],"event":"e"}`, `invalid_channel: "channels[1]" is an object`],
    [`{"channel":"a","event":7}`, `invalid_event: "event" is a number: an event name has`],
    [`{"channel":"a","event":"pusher:x"}`, `invalid_event: "event" is not allowed: an event name has`],
    [`{"channel":"a","event":"e","id":1}`, `invalid_field: "id" must be a string of 1 to 128 bytes`],
    [`{"channel":"a","event":"e","id":""}`, `invalid_field: "id" must be`],
    [`{"channel":"a","event":"e","id":"a\\r\\nb"}`, `invalid_field: "id" must be`],
    [`{"channel":"a","event":"e","id":"\\ud800"}`, `invalid_field: "id" must be`],
    [`{"channel":"a","event":"e","id":"${"é".repeat(65)}"}`, `invalid_field: "id" must be`],
    [
      `{"channel":"a","event":"e","exclude":"me"}`,
      `invalid_field: "exclude" must be a connection id such as "123.456"`,
    ],
    [`{"channel":"a","event":"e","exclude":"1.${"2".repeat(63)}"}`, `invalid_field: "exclude" must be`],
    [`{"channel":"a","event":"e","exclude":5}`, `invalid_field: "exclude" must be`],
  ])("refuses %s", (text, expected) => {
    expect(refusal(text).slice(0, expected.length)).toBe(expected);
  });

  it("accepts ids and names up to their limits", () => {
    const id = "é".repeat(64);
    expect(publish(JSON.stringify({ channel: "c".repeat(200), event: "e".repeat(200), id })).id).toBe(id);
  });

  it("refuses more channels than the app may name, repeats included; 0 means no limit", () => {
    const text = `{"channels":["a","b","b"],"event":"e"}`;
    expect(refusal(text, { channelsPerPublish: 2 })).toContain(
      `too_many_channels: "channels" has 3 channels, the app's limit is 2`,
    );
    expect(refusal(text, { channelsPerPublish: 3 })).toBe("accepted");
    expect(refusal(text, { channelsPerPublish: 0 })).toBe("accepted");
  });

  it("counts the payload in bytes of its text, and names size and limit", () => {
    const text = `{"channel":"a","event":"e","payload": "éé" }`;
    expect(refusal(text, { messageBytes: 5 })).toContain(`"payload" has 6 bytes, the app's limit is 5`);
    expect(refusal(text, { messageBytes: 6 })).toBe("accepted");
    expect(refusal(text, { messageBytes: 0 })).toBe("accepted");
  });

  it("refuses or accepts any JSON, and never throws", () => {
    const member = fc.constantFrom("channel", "channels", "event", "payload", "id", "exclude", "events", "x");
    const values = fc.oneof(fc.jsonValue(), fc.dictionary(member, fc.jsonValue({ maxDepth: 2 })));
    fc.assert(
      fc.property(values, (value) => {
        const text = JSON.stringify(value);
        expect(typeof readPublish(source(text)).ok).toBe("boolean");
        expect(typeof readBatch(source(text)).ok).toBe("boolean");
      }),
    );
  });
});

describe("readBatch", () => {
  const batch = (text: string, changes: Parameters<typeof limits>[0] = {}) => {
    const result = readBatch(source(text, changes));
    return result.ok ? result.value : `${result.code}: ${result.message}`;
  };

  it("reads every event with its own payload", () => {
    const text = ` { "events" : [ {"channel":"a","event":"x","payload": 1.0 } , {"channels":["b"],"event":"y","id":"7"},
      {"payload":{"payload":3},"event":"z","channel":"c"} ] } `;
    const requests = batch(text);
    if (typeof requests === "string") throw new Error(requests);
    expect(requests.map(({ channels, event }) => [...channels, event.event, decoder.decode(event.payload)])).toEqual([
      ["a", "x", "1.0"],
      ["b", "y", "null"],
      ["c", "z", `{"payload":3}`],
    ]);
    expect(requests[1]?.event.id).toBe("7");
  });

  it.each([
    [`[]`, `invalid_field: the body is an array: send { events: […] }`],
    [`{"event":"e"}`, `missing_field: "events" is missing: found "event" instead`],
    [`{"events":{}}`, `invalid_field: "events" is an object, not an array`],
    [`{"events":[]}`, `invalid_field: "events" is empty`],
    [`{"events":[{"channel":"a","event":"e"},null]}`, `invalid_field: "events[1]" is null`],
    [`{"events":[{"channel":"a","event":"e"},{"event":"e"}]}`, `missing_field: "events[1].channel" is missing`],
    [`{"events":[{"channels":["a","b c"],"event":"e"}]}`, `invalid_channel: "events[0].channels[1]" contains " "`],
    [
      `{"events":[{"channel":"a","event":"e","payload":"12345678"}]}`,
      `message_too_large: "events[0].payload" has 10 bytes`,
    ],
  ])("refuses %s as a whole", (text, expected) => {
    expect(batch(text, { messageBytes: 8 })).toContain(expected);
  });

  it("refuses more events than the app may send; 0 means no limit", () => {
    const text = JSON.stringify({ events: new Array(3).fill({ channel: "a", event: "e" }) });
    expect(batch(text, { batchEvents: 2 })).toContain("batch_too_large: the batch has 3 events, the app's limit is 2");
    expect(batch(text, { batchEvents: 3 })).toHaveLength(3);
    expect(batch(text, { batchEvents: 0 })).toHaveLength(3);
  });
});
