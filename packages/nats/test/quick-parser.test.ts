import fc from "fast-check";
import { Kind, Parser, type ParserEvent } from "nats/lib/src/nats-base-client.js";
import { describe, expect, it } from "vitest";
import { QuickParser } from "../src/quick-parser.ts";
import { bytes } from "./support/helpers.ts";

/** What a parser made of bytes that came in these pieces, in a form that can be compared. */
function outcomeOf(ParserClass: typeof Parser, pieces: readonly Uint8Array[]): readonly unknown[] {
  const events: unknown[] = [];
  const parser = new ParserClass({
    push: ({ kind, msg, data }: ParserEvent) => {
      const text = data === undefined ? null : Buffer.from(data).toString("latin1");
      if (msg === undefined) events.push([kind, text]);
      else {
        const [subject, reply] = [msg.subject, msg.reply].map((each) => each && Buffer.from(each).toString("latin1"));
        events.push([kind, subject, reply, msg.sid, msg.hdr, msg.size, text]);
      }
    },
  });
  try {
    for (const piece of pieces) parser.parse(piece);
  } catch {
    events.push("refused");
  }
  return events;
}

function cut(whole: Uint8Array, places: readonly number[]): readonly Uint8Array[] {
  const cuts = [
    0,
    ...places.map((place) => place % (whole.length + 1)).sort((left, right) => left - right),
    whole.length,
  ];
  return cuts.slice(1).map((end, index) => whole.subarray(cuts[index], end));
}

const subject = fc.stringMatching(/^[!-~]{1,40}$/);
const content = fc.oneof(
  fc.constant(""),
  fc.string(),
  fc.constant("x\r\nMSG forged 1 1\r\nx"),
  fc.string({ minLength: 200 }),
);
const message = fc
  .tuple(subject, fc.nat(), fc.option(subject), fc.boolean(), content)
  .map(([name, sid, reply, hasHeaders, text]) => {
    const headers = hasHeaders ? "NATS/1.0\r\na: b\r\n\r\n" : "";
    const size = Buffer.byteLength(headers + text);
    const line = [hasHeaders ? "HMSG" : "MSG", name, sid, ...(reply === null ? [] : [reply])];
    if (hasHeaders) line.push(headers.length);
    return `${[...line, size].join(" ")}\r\n${headers}${text}\r\n`;
  });
const other = fc.constantFrom(
  "PING\r\n",
  "PONG\r\n",
  "+OK\r\n",
  "-ERR 'slow'\r\n",
  'INFO {"x":1}\r\n',
  "msg a 1 1\r\nx\r\n",
);
const stream = fc.array(fc.oneof({ weight: 3, arbitrary: message }, other)).map((parts) => bytes(parts.join("")));
const places = fc.array(fc.nat(), { maxLength: 4 });

describe("QuickParser", () => {
  it("law › reads what the client's own parser reads, wherever a read ends", () => {
    fc.assert(
      fc.property(stream, places, (whole, at) => {
        expect(outcomeOf(QuickParser, cut(whole, at))).toEqual(outcomeOf(Parser, [whole]));
      }),
    );
  });

  it("law › makes of broken lines what the client's own parser makes of them, or leaves them to it", () => {
    const broken = [
      "MSG a",
      "MSG  a 1 1\r\nx\r\n",
      "MSG a x 1\r\nx\r\n",
      "MSG a 1\r\n",
      "MSG a 1 \r\n",
      "MSG\ta\t1\t1\r\nx\r\n",
      "MSG a 1 1\nx\n",
      "M",
    ];
    for (const text of broken) {
      const whole = bytes(`MSG a 1 1\r\nx\r\n${text}`);
      expect(outcomeOf(QuickParser, [whole])).toEqual(outcomeOf(Parser, [whole]));
    }
  });

  it("a subject can still be asked for when the message is over", () => {
    const asked: (() => string)[] = [];
    const parser = new QuickParser({
      push: ({ kind, msg }: ParserEvent) => {
        if (kind === Kind.MSG) asked.push(() => Buffer.from(msg?.subject ?? []).toString());
      },
    });
    parser.parse(bytes("MSG first.one 1 1\r\nx\r\nMSG second 2 0\r\n\r\n"));
    expect(asked.map((each) => each())).toEqual(["first.one", "second"]);
  });
});
