import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJsonBody } from "../src/json-body.ts";
import { readPlainPublish } from "../src/plain-publish.ts";
import { readPublish } from "../src/publish-request.ts";
import { limits as limitsOf } from "./support/apps.ts";

const limits = limitsOf();

/** What a body means to the reader that reads all of them; null when it is refused. */
function fullyRead(bytes: Uint8Array): unknown {
  const parsed = parseJsonBody(bytes);
  if (!parsed.ok) return null;
  const result = readPublish({ value: parsed.value, bytes, limits });
  return result.ok ? comparable(result.value) : null;
}

function plainlyRead(bytes: Uint8Array): unknown {
  const requests = readPlainPublish(bytes, limits);
  return requests === null ? null : comparable(requests);
}

function comparable(requests: readonly { readonly event: { readonly payload: Uint8Array } }[]): unknown {
  return requests.map((each) => ({
    ...each,
    event: { ...each.event, payload: Buffer.from(each.event.payload).toString("latin1") },
  }));
}

/** JSON text, in other spellings than JSON.stringify's too, and what looks like it. */
const json = fc.oneof(
  fc.json(),
  fc.json().map((text) => JSON.stringify(JSON.parse(text), null, "\t")),
  fc.constantFrom("1.0", "1E+05", "01", "tru", '"\\u00e9\\n"', '"\\x"', '"é🔔"', "[1,]", "{}x"),
);
const member = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('"channel":"orders"', '"event":"paid"') },
  { weight: 3, arbitrary: json.map((text) => `"payload":${text}`) },
  fc.constantFrom(
    '"channel" : "a b"',
    '"event":"\\u0061"',
    '"id":"1"',
    '"Channel":"x"',
    '"event":"client é"',
    '"channel":null',
  ),
);
const body = fc
  .tuple(fc.array(member, { minLength: 2, maxLength: 4 }), fc.constantFrom("", " ", "\r\n\t"))
  .map(([members, blank]) => `${blank}{${blank}${members.join(`${blank},${blank}`)}${blank}}${blank}`);

describe("readPlainPublish", () => {
  it("law › what it reads is what the full reader reads; what that one refuses it leaves", () => {
    fc.assert(
      fc.property(body, fc.option(fc.tuple(fc.nat(), fc.nat(255))), (text, spoilt) => {
        const bytes = Buffer.from(text);
        if (spoilt !== null) bytes[spoilt[0] % bytes.length] = spoilt[1];
        const plain = plainlyRead(bytes);
        if (plain !== null) expect(plain).toEqual(fullyRead(bytes));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    '{"channel":"orders","event":"paid","payload":{"id":1,"text":"a \\"b\\" ü"}}',
    ' { "payload" : [ 1.50 , null ] , "event" : "paid é" , "channel" : "private-a;b" } ',
    '{"channel":"#server-to-user-7","event":"paid","payload":null}',
  ])("takes %s", (text) => {
    expect(plainlyRead(Buffer.from(text))).toEqual(fullyRead(Buffer.from(text)));
    expect(plainlyRead(Buffer.from(text))).not.toBeNull();
  });

  it.each([
    '{"channel":"orders","event":"paid"}',
    '{"channel":"orders","event":"paid","payload":1,"id":"1"}',
    '{"channel":"orders","event":"paid","payload":1,"payload":2}',
    '{"channel":"a b","event":"paid","payload":1}',
    '{"channel":"orders","event":"pusher:ping","payload":1}',
    '{"channel":"ord\\u0065rs","event":"paid","payload":1}',
    `{"channel":"orders","event":"paid","payload":"${"x".repeat(limits.messageBytes)}"}`,
    '{"channel":"orders","event":"paid","payload":1}}',
    "",
  ])("leaves %s", (text) => {
    expect(readPlainPublish(Buffer.from(text), limits)).toBeNull();
  });

  it("leaves a body whose payload is not UTF-8", () => {
    const bytes = Buffer.from('{"channel":"orders","event":"paid","payload":"ÿ"}', "latin1");
    expect(readPlainPublish(bytes, limits)).toBeNull();
  });
});
