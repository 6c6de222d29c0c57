import type { Dialect } from "../dialect.ts";
import { EVENT, latencyOfPayload } from "../payload.ts";
import { fieldsOf } from "./fields.ts";

/** The guide's two shapes, which Carillon, the baselines and the `ws` server speak. */
export const native: Dialect = {
  hello: null,
  separator: null,
  keepAlive: null,
  isWelcome: null,
  isSignOfLife: () => false,
  answerTo: () => null,
  subscribe: (channel) => `{"type":"subscribe","channel":"${channel}"}`,
  isSubscribed: (text) => fieldsOf(text)["type"] === "subscribed",
  latencyOf: (text, channel) => {
    const { channel: heard, event, payload } = fieldsOf(text);
    return heard === channel && event === EVENT ? latencyOfPayload(payload) : null;
  },
};
