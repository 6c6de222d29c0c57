/**
 * Baseline `least`: what `bridge` does, with the least code that keeps Carillon's promise too: a publish is answered once NATS has it.
 * It speaks NATS's protocol itself and looks at nothing but channels. What Carillon costs more is what it does for its users.
 *
 * Run by the bench: `node least.js gateway --port 8080 --nats nats://127.0.0.1:4222`, and `publisher` likewise.
 */

import uWS from "uWebSockets.js";
import { connect, type Socket } from "node:net";
import { baselineArguments, SUBSCRIBING, serve } from "./baseline.ts";

const CHANNEL_KEY = '"channel":"';
const LF = 0x0a;
const M = 0x4d;
const MSG_BYTES = 4;
const CRLF = "\r\n";

/** A connection to NATS. What is published in one turn of the event loop leaves in one write, which one PING confirms. */
class PlainNats {
  readonly #socket: Socket;
  readonly #onMessage: (sid: number, data: Uint8Array) => void;
  #rest: Buffer | null = null;
  #letters: Buffer[] = [];
  #waiting: (() => void)[] = [];
  /** Those whom the PONG that is awaited confirms. */
  #inFlight: readonly (() => void)[] | null = null;
  #turn: NodeJS.Immediate | null = null;

  constructor(url: string, onMessage: (sid: number, data: Uint8Array) => void) {
    const { hostname, port } = new URL(url);
    this.#onMessage = onMessage;
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#socket.on("data", (chunk) => this.#read(chunk));
    // Nothing is kept for a connection that breaks: the bench counts what is lost.
    this.#socket.on("close", () => process.exit(1));
    this.#socket.write(`CONNECT {"verbose":false,"pedantic":false}${CRLF}`);
  }

  subscribe(subject: string, sid: number): void {
    this.#socket.write(`SUB ${subject} ${sid}${CRLF}`);
  }

  unsubscribe(sid: number): void {
    this.#socket.write(`UNSUB ${sid}${CRLF}`);
  }

  /** `taken` is called when NATS has it. */
  publish(subject: string, data: string, taken: () => void): void {
    this.#letters.push(Buffer.from(`PUB ${subject} ${data.length}${CRLF}${data}${CRLF}`, "latin1"));
    this.#waiting.push(taken);
    this.#turn ??= setImmediate(() => this.#write());
  }

  #write(): void {
    this.#turn = null;
    if (this.#inFlight !== null || this.#letters.length === 0) return;
    this.#socket.write(Buffer.concat([...this.#letters, Buffer.from(`PING${CRLF}`)]));
    this.#inFlight = this.#waiting;
    this.#waiting = [];
    this.#letters = [];
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (let next = this.#take(bytes, 0); next > at; next = this.#take(bytes, at)) at = next;
    this.#rest = at < bytes.length ? bytes.subarray(at) : null;
  }

  /** Answers behind which byte what begins at `from` ends; `from` when it isn't all there. */
  #take(bytes: Buffer, from: number): number {
    const lineEnd = bytes.indexOf(LF, from);
    if (lineEnd < 0) return from;
    const dataAt = lineEnd + 1;
    if (bytes[from] !== M) {
      this.#obey(bytes.toString("latin1", from, lineEnd - 1));
      return dataAt;
    }
    const [, sid, size] = bytes.toString("latin1", from + MSG_BYTES, lineEnd - 1).split(" ");
    const dataEnd = dataAt + Number(size);
    if (dataEnd + CRLF.length > bytes.length) return from;
    this.#onMessage(Number(sid), bytes.subarray(dataAt, dataEnd));
    return dataEnd + CRLF.length;
  }

  #obey(line: string): void {
    if (line === "PING") this.#socket.write(`PONG${CRLF}`);
    if (line !== "PONG" || this.#inFlight === null) return;
    for (const taken of this.#inFlight) taken();
    this.#inFlight = null;
    this.#turn ??= setImmediate(() => this.#write());
  }
}

function gateway(url: string): uWS.TemplatedApp {
  const decoder = new TextDecoder();
  const channels = new Map<number, string>();
  const sids = new Map<string, number>();
  let lastSid = 0;
  const server = uWS.App();
  const nats = new PlainNats(url, (sid, data) => server.publish(channels.get(sid) ?? "", data));
  return server.ws("/*", {
    ...SUBSCRIBING,
    subscription(_ws, topic, newCount, oldCount) {
      const channel = decoder.decode(topic);
      if (oldCount === 0 && newCount > 0) {
        lastSid++;
        channels.set(lastSid, channel);
        sids.set(channel, lastSid);
        nats.subscribe(`rt.${channel}`, lastSid);
      } else if (oldCount > 0 && newCount === 0) {
        const sid = sids.get(channel) ?? 0;
        sids.delete(channel);
        channels.delete(sid);
        nats.unsubscribe(sid);
      }
    },
  });
}

function publisher(url: string): uWS.TemplatedApp {
  const nats = new PlainNats(url, () => undefined);
  return uWS.App().post("/publish", (res) => {
    let isGone = false;
    let body = "";
    res.onAborted(() => {
      isGone = true;
    });
    res.onData((chunk, isLast) => {
      // The bench publishes ASCII.
      body += Buffer.from(chunk).toString("latin1");
      if (!isLast) return;
      const channelAt = body.indexOf(CHANNEL_KEY) + CHANNEL_KEY.length;
      nats.publish(`rt.${body.slice(channelAt, body.indexOf('"', channelAt))}`, body, () => {
        if (!isGone) res.cork(() => res.writeStatus("204 No Content").endWithoutBody());
      });
    });
  });
}

const { role, port, nats } = baselineArguments();
serve(role === "gateway" ? gateway(nats[0]) : publisher(nats[0]), port);
