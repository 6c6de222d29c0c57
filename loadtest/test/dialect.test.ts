import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DialectName } from "../bench/generator/dialect.ts";
import { DIALECTS } from "../bench/generator/dialects.ts";
import { PUBLISH_APIS, type PublishApiName } from "../bench/generator/publish-api.ts";

const CHANNEL = "bench-shared";

/** What a server of a dialect says. */
interface Server {
  /** How it is published to. */
  readonly api: PublishApiName;
  /** The message that a subscriber gets of a publish. */
  delivery(body: string): string;
  readonly subscribed: string;
  /** The texts before a client may subscribe, each with the client's answer. */
  readonly handshake: readonly (readonly [text: string, answer: string | null])[];
  /** Signs of life, each with the answer that is due. */
  readonly signsOfLife: readonly (readonly [text: string, answer: string | null])[];
}

const SERVERS: Readonly<Record<DialectName, Server>> = {
  native: {
    api: "native",
    delivery: (body) => body,
    subscribed: `{"type":"subscribed","channel":"${CHANNEL}"}`,
    handshake: [],
    signsOfLife: [],
  },
  pusher: {
    api: "pusher",
    delivery: (body) => {
      const { channel, name, data } = JSON.parse(body) as Record<string, unknown>;
      return JSON.stringify({ event: name, channel, data });
    },
    subscribed: `{"event":"pusher_internal:subscription_succeeded","channel":"${CHANNEL}","data":"{}"}`,
    handshake: [['{"event":"pusher:connection_established","data":"{\\"socket_id\\":\\"1.2\\"}"}', null]],
    signsOfLife: [
      ['{"event":"pusher:ping","data":{}}', '{"event":"pusher:pong","data":{}}'],
      ['{"event":"pusher:pong","data":{}}', null],
    ],
  },
  "engine-io": {
    api: "native",
    delivery: (body) => {
      const { channel, event, payload } = JSON.parse(body) as Record<string, unknown>;
      return `42${JSON.stringify([event, channel, payload])}`;
    },
    subscribed: "430[]",
    handshake: [
      ['0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}', "40"],
      ['40{"sid":"b"}', null],
    ],
    signsOfLife: [["2", "3"]],
  },
  centrifugo: {
    api: "centrifugo",
    delivery: (body) => {
      const { channel, data } = JSON.parse(body) as Record<string, unknown>;
      return JSON.stringify({ push: { channel, pub: { data } } });
    },
    subscribed: '{"id":2,"subscribe":{}}',
    handshake: [['{"id":1,"connect":{"client":"a","version":"6.9.1","ping":25,"pong":true}}', null]],
    signsOfLife: [["{}", "{}"]],
  },
};

const NAMES = Object.keys(SERVERS) as DialectName[];

describe.each(NAMES)("dialect %s", (name) => {
  const dialect = DIALECTS[name];
  const server = SERVERS[name];
  const delivered = () => server.delivery(PUBLISH_APIS[server.api].body(CHANNEL));

  test("finds in a delivered message how long it was under way", () => {
    expect(dialect.latencyOf(delivered(), CHANNEL)).toBeGreaterThanOrEqual(0);
  });

  test("a message of another channel, with another payload, or of another kind is not what was published", () => {
    const message = delivered();
    expect(dialect.latencyOf(message, "bench-other")).toBeNull();
    expect(dialect.latencyOf(message.replace("xx", "xy"), CHANNEL)).toBeNull();
    expect(dialect.latencyOf("{}", CHANNEL)).toBeNull();
  });

  test("its subscribe fits a short frame and is answered by what no other dialect takes for an answer", () => {
    expect(dialect.subscribe(CHANNEL).length).toBeLessThanOrEqual(125);
    const understood = NAMES.filter((other) => DIALECTS[other].isSubscribed(server.subscribed));
    expect(understood).toEqual([name]);
  });

  test("is welcome after the last text of the handshake, and not before", () => {
    const { handshake } = server;
    for (const [text, answer] of handshake) expect(dialect.answerTo(text)).toBe(answer);
    const welcomes = handshake.map(([text]) => dialect.isWelcome?.(text) ?? false);
    expect(welcomes).toEqual(handshake.map((_, index) => index === handshake.length - 1));
    expect(dialect.isWelcome === null).toBe(handshake.length === 0);
  });

  test("a sign of life is answered as the protocol wants it; nothing else is one", () => {
    for (const [text, answer] of server.signsOfLife) {
      expect(dialect.isSignOfLife(text)).toBe(true);
      expect(dialect.answerTo(text)).toBe(answer);
    }
    const others = [delivered(), server.subscribed, ...server.handshake.map(([text]) => text)];
    expect(others.filter((text) => dialect.isSignOfLife(text))).toEqual([]);
  });

  test("whatever a server says, nothing is thrown, and it is no delivery", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.string().map((text) => `42${text}`),
        ),
        (text) => {
          dialect.answerTo(text);
          dialect.isSubscribed(text);
          dialect.isSignOfLife(text);
          dialect.isWelcome?.(text);
          expect(dialect.latencyOf(text, CHANNEL)).toBeNull();
        },
      ),
    );
  });
});
