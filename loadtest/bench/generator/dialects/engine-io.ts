import type { Dialect } from "../dialect.ts";
import { EVENT, latencyOfPayload } from "../payload.ts";
import { parsed } from "./fields.ts";

/** Packets of Engine.IO 4: one digit, and over a WebSocket one packet a frame. */
const OPEN = "0";
const PING = "2";
const PONG = "3";
const MESSAGE = "4";

/** Packets of Socket.IO 5, inside messages, of the default namespace. */
const CONNECT = "0";
const EVENT_PACKET = "2";
const ACK = "3";

/** The only one that is ever waited for. */
const ACK_ID = "0";

/** Socket.IO over a WebSocket from the start. Rooms are the server's, so a client asks for one by an event with an ack. */
export const engineIo: Dialect = {
  hello: null,
  separator: null,
  keepAlive: null,
  isWelcome: (text) => text.startsWith(MESSAGE + CONNECT),
  isSignOfLife: (text) => text === PING,
  answerTo: (text) => {
    if (text === PING) return PONG;
    return text.startsWith(OPEN) ? MESSAGE + CONNECT : null;
  },
  subscribe: (channel) => `${MESSAGE}${EVENT_PACKET}${ACK_ID}["subscribe","${channel}"]`,
  isSubscribed: (text) => text.startsWith(MESSAGE + ACK + ACK_ID),
  latencyOf: (text, channel) => {
    if (!text.startsWith(MESSAGE + EVENT_PACKET)) return null;
    const event = parsed(text.slice(2));
    if (!Array.isArray(event)) return null;
    const [name, heard, payload] = event as readonly unknown[];
    return name === EVENT && heard === channel ? latencyOfPayload(payload) : null;
  },
};
