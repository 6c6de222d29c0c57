import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import type { Resumption } from "./event-stream-sessions.ts";
import { EventStreamSessions } from "./event-stream-sessions.ts";

/** What a delivery comes to: how many times it is sent, after how long, and how it reads then. */
interface Treatment {
  readonly times: number;
  readonly delayMs: number;
  readonly text: string;
}

/** A client that is sent frames: a WebSocket, or a session whose frames come as an event stream. */
export interface Subscriber {
  send(text: string): void;
  terminate(): void;
}

/** What is done wrong. Told the text of a delivery, and its turn among all deliveries of the load: 1 and up. */
export type Fault = (delivery: {
  readonly text: string;
  readonly turn: number;
  readonly socket: Subscriber;
}) => Partial<Treatment>;

/** Told which publish of the load it is, 1 and up: the status to refuse it with, or null to cut the connection; undefined for neither. */
export type Refusal = (publish: number) => number | null | undefined;

interface Command {
  readonly channels?: readonly { readonly channel: string }[];
}

const PUBLISH_SECRET = "any";

/** As much of the native protocol and of the publish API as a load test uses, in one process, and with a fault that one chooses. */
export class FaultySystem {
  readonly #http = createServer((request, response) => {
    if (this.#sessions.handle(request, response)) return;
    void this.#publish(request).then((status) => {
      if (status === null) request.socket.destroy();
      else response.writeHead(status).end();
    });
  });
  readonly #sockets = new WebSocketServer({ server: this.#http });
  readonly #subscribers = new Map<string, Set<Subscriber>>();
  readonly #fault: Fault;
  readonly #refusal: Refusal;
  readonly #sessions: EventStreamSessions;
  #turn = 0;
  #published = 0;

  private constructor(fault: Fault, refusal: Refusal, resumption: Resumption) {
    this.#fault = fault;
    this.#refusal = refusal;
    const welcome = JSON.stringify({ type: "welcome", connectionId: "1.1", version: 1 });
    this.#sockets.on("connection", (socket) => {
      socket.send(welcome);
      socket.on("message", (frame) => this.#command(socket, JSON.parse(String(frame)) as Command));
      socket.on("close", () => this.#forget(socket));
    });
    this.#sessions = new EventStreamSessions({
      resumption,
      onBegun: (session) => session.send(welcome),
      onCommand: (session, command) => this.#command(session, command as Command),
      onEnded: (session) => this.#forget(session),
    });
  }

  /** Starts one on a free port. */
  static async start(
    fault: Fault = () => ({}),
    refusal: Refusal = () => undefined,
    resumption: Resumption = ({ after }) => after,
  ): Promise<FaultySystem> {
    const system = new FaultySystem(fault, refusal, resumption);
    system.#http.listen(0, "127.0.0.1");
    await once(system.#http, "listening");
    return system;
  }

  /** How a load test reaches it. */
  get variables(): Readonly<Record<string, string>> {
    const { port } = this.#http.address() as AddressInfo;
    return { URL: `ws://127.0.0.1:${port}`, PUBLISH_URL: `http://127.0.0.1:${port}`, PUBLISH_SECRET };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.closeAllConnections();
    const closed = once(this.#http, "close");
    this.#http.close();
    await closed;
  }

  #command(socket: Subscriber, { channels = [] }: Command): void {
    const names = channels.map(({ channel }) => channel);
    for (const name of names) this.#subscribers.set(name, (this.#subscribers.get(name) ?? new Set()).add(socket));
    socket.send(JSON.stringify({ type: "subscribed", channels: names }));
  }

  #forget(socket: Subscriber): void {
    for (const subscribers of this.#subscribers.values()) subscribers.delete(socket);
  }

  async #publish(request: IncomingMessage): Promise<number | null> {
    if (request.headers["x-publish-secret"] !== PUBLISH_SECRET) return 401;
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { channel, event, payload } = JSON.parse(body) as { channel: string; event: string; payload: unknown };
    const refused = event === "load.numbered" ? this.#refusal(++this.#published) : undefined;
    if (refused !== undefined) return refused;
    const text = JSON.stringify({ channel, event, payload });
    for (const socket of this.#subscribers.get(channel) ?? []) {
      // Faults are about what is measured, not about what leads the run.
      if (event !== "load.numbered") socket.send(text);
      else this.#deliver(socket, text);
    }
    return 204;
  }

  #deliver(socket: Subscriber, delivered: string): void {
    this.#turn++;
    const treatment = this.#fault({ text: delivered, turn: this.#turn, socket });
    const { times, delayMs, text } = { times: 1, delayMs: 0, text: delivered, ...treatment };
    const send = (): void => {
      for (let sent = 0; sent < times; sent++) socket.send(text);
    };
    if (delayMs === 0) send();
    else setTimeout(send, delayMs);
  }
}
