import type { App } from "@carillon/core";
import { accept, elementSpans, type Result, refuse } from "@carillon/protocol";
import type { Batch } from "./batch.ts";
import type { HttpConnection } from "./http-connection.ts";
import type { HttpConnections } from "./http-connections.ts";
import type { PollCall, SendCall, SessionCall, Sessions } from "./sessions.ts";

/** What LocalSessions stands on. */
export interface LocalSessionsOptions {
  readonly connections: HttpConnections;
  readonly isOriginAllowed: (app: App, origin: string) => boolean;
}

const GONE = refuse("session_gone", "the session is over, or never was: begin a new one");
const WRONG_ORIGIN = refuse("forbidden", "this origin is not allowed for the session's app");
const OPEN_BRACKET = 0x5b;
const SPACE = 0x20;

/** The sessions that this gateway owns. */
export class LocalSessions implements Sessions {
  readonly #options: LocalSessionsOptions;

  constructor(options: LocalSessionsOptions) {
    this.#options = options;
  }

  /** The connection behind a session, where the caller may have it. */
  find({ sessionId, origin }: SessionCall): Result<HttpConnection> {
    const connection = this.#options.connections.find(sessionId);
    if (connection === undefined) return GONE;
    const { app } = connection;
    // One without an app was turned away: it has nothing but the reason to tell.
    return app === null || this.#options.isOriginAllowed(app, origin) ? accept(connection) : WRONG_ORIGIN;
  }

  async poll(call: PollCall): Promise<Result<Batch>> {
    const connection = this.find(call);
    if (!connection.ok) return connection;
    const polled = connection.value.poll(call);
    return polled.ok ? accept(await polled.value) : polled;
  }

  async send(call: SendCall): Promise<Result<void>> {
    const connection = this.find(call);
    if (!connection.ok) return connection;
    const commands = splitCommands(call.body);
    if (!commands.ok) return commands;
    const received = connection.value.receive(commands.value, call.seq);
    if (received.ok && call.isLast) connection.value.leave();
    return received;
  }

  abandon(sessionId: string, ticket: string): void {
    this.#options.connections.find(sessionId)?.abandon(ticket);
  }
}

/** The commands of a body, each as its client wrote it. What is no array is one command, good or bad: its reply says which. */
function splitCommands(body: Uint8Array): Result<readonly Uint8Array[]> {
  const start = body.findIndex((byte) => byte > SPACE);
  if (start === -1) return accept([]);
  if (body[start] !== OPEN_BRACKET) return accept([body]);
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    // The parser's own message would quote the body, which may hold a token.
    return refuse("invalid_json", "the body is not JSON text in UTF-8");
  }
  // How many there may be is bounded by the body's length.
  return accept(elementSpans(body, 0).map((span) => body.subarray(span.start, span.end)));
}
