import type { Dialect } from "../dialect.ts";
import { EVENT, latencyOfPayload } from "../payload.ts";
import { fieldsIn, fieldsOf } from "./fields.ts";

const LINE_END = 0x0a;

/** Also the answer to one. */
const PING = "{}";

/** Centrifugo's JSON protocol: commands and replies with an id, pushes without, one a line, several in a frame. */
export const centrifugo: Dialect = {
  hello: '{"id":1,"connect":{}}',
  separator: LINE_END,
  keepAlive: null,
  isWelcome: (text) => "connect" in fieldsOf(text),
  isSignOfLife: (text) => text === PING,
  answerTo: (text) => (text === PING ? PING : null),
  subscribe: (channel) => `{"id":2,"subscribe":{"channel":"${channel}"}}`,
  isSubscribed: (text) => "subscribe" in fieldsOf(text),
  latencyOf: (text, channel) => {
    const push = fieldsIn(fieldsOf(text)["push"]);
    const data = fieldsIn(fieldsIn(push?.["pub"])?.["data"]);
    return push?.["channel"] === channel && data?.["event"] === EVENT ? latencyOfPayload(data["payload"]) : null;
  },
};
