import { randomBytes } from "node:crypto";
import type { Timer } from "@carillon/core";
import type { HttpTransportName } from "./batch.ts";
import { HttpConnection, type HttpConnectionHost, type HttpConnectionOptions } from "./http-connection.ts";

/** 128 random bits: whoever knows a session's id may speak for it. */
const SECRET_BYTES = 16;
const SESSION_ID = /^(\d{1,15})\.[A-Za-z0-9_-]{22}$/;

/** How often connections are looked at for what the time demands, in ms. */
const TICK_MS = 1000;

/** The node that owns the session with this id; null when nobody can have given such an id. */
export function ownerOf(sessionId: string): string | null {
  return SESSION_ID.exec(sessionId)?.[1] ?? null;
}

/** The connections over HTTP of this gateway, by session id, those included that have ended and don't know it yet. */
export class HttpConnections {
  readonly #host: HttpConnectionHost;
  readonly #nodeId: string;
  readonly #byId = new Map<string, HttpConnection>();
  readonly #timer: Timer;

  constructor(host: HttpConnectionHost, nodeId: string) {
    this.#host = host;
    this.#nodeId = nodeId;
    this.#timer = host.clock.every(TICK_MS, () => this.#tick());
  }

  /** Connections that are open, by the way in which their clients fetch. */
  get counts(): Readonly<Record<HttpTransportName, number>> {
    const counts = { sse: 0, poll: 0 };
    for (const connection of this.#byId.values()) if (connection.isOpen) counts[connection.transport]++;
    return counts;
  }

  /** All of them, also those that have ended. */
  get size(): number {
    return this.#byId.size;
  }

  /** How many have not been told yet that they have ended, or have not ended. */
  get undone(): number {
    let count = 0;
    for (const connection of this.#byId.values()) if (!connection.isDone) count++;
    return count;
  }

  /** Makes one under a new session id. */
  create(options: Omit<HttpConnectionOptions, "sessionId">): HttpConnection {
    const sessionId = `${this.#nodeId}.${randomBytes(SECRET_BYTES).toString("base64url")}`;
    const connection = new HttpConnection(this.#host, { ...options, sessionId });
    this.#byId.set(sessionId, connection);
    return connection;
  }

  find(sessionId: string): HttpConnection | undefined {
    return this.#byId.get(sessionId);
  }

  /** Cuts one and forgets it: its client never learned its id. */
  discard(connection: HttpConnection): void {
    connection.terminate();
    this.#byId.delete(connection.sessionId);
  }

  /** Cuts all of them. */
  close(): void {
    this.#timer.cancel();
    for (const connection of [...this.#byId.values()]) this.discard(connection);
  }

  #tick(): void {
    const nowMs = this.#host.clock.monotonic();
    for (const connection of [...this.#byId.values()]) {
      if (!connection.tick(nowMs)) this.#byId.delete(connection.sessionId);
    }
  }
}
