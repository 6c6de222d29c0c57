import { reconnectRule } from "@carillon/protocol";
import type { HttpStream, HttpStreamHandler } from "@carillon/service";
import type { Closing } from "./batch.ts";
import { EventIds, type EventPlace } from "./event-id.ts";
import type { NumberedFrame } from "./outbox.ts";

/** Hears what happens on an event stream. */
export interface EventStreamOwner {
  /** It takes more again. */
  onReady(): void;
  /** It has ended, for whatever reason. Called once. */
  onEnded(stream: EventStream): void;
}

/** How a stream begins. */
export interface StreamOpening {
  readonly place: EventPlace;
  /** The only channel that the client named in its query; null: there are several or none. */
  readonly channel: string | null;
  /** Absent: it asked for a new session. Else: whether this is the one it had. */
  readonly isResumed?: boolean;
}

/** How long an EventSource waits before it comes back, in ms. */
const RETRY_MS = 1000;
const RETRY_BACKOFF_MS = 10_000;

/** A comment, which readers pass over. */
const HEARTBEAT = ":\n\n";

/** The id behind the last event of a session that must not be begun anew: whoever shows it is told to stop. */
export const ENDED_EVENT_ID = "ended";

/** The frames of one connection as `text/event-stream`. */
export class EventStream implements HttpStreamHandler {
  readonly #stream: HttpStream;
  readonly #owner: EventStreamOwner;
  readonly #ids: EventIds;

  constructor(stream: HttpStream, { place, channel, isResumed }: StreamOpening, owner: EventStreamOwner) {
    const { after, position, sessionId } = place;
    this.#stream = stream;
    this.#owner = owner;
    this.#ids = new EventIds(sessionId, channel, position);
    const resumed = isResumed === undefined ? "" : `,"resumed":${isResumed}`;
    stream.write([
      `retry: ${RETRY_MS}\nid: ${this.#ids.first(after)}\nevent: session\ndata: {"session":"${sessionId}"${resumed}}\n\n`,
    ]);
  }

  /** False while the client takes nothing more, and once it has ended. */
  get isReady(): boolean {
    return this.#stream.isReady;
  }

  /** Writes frames; it must be ready. */
  writeFrames(frames: readonly NumberedFrame[]): void {
    const chunks: (string | Uint8Array)[] = [];
    for (const { number, frame } of frames) chunks.push(`id: ${this.#ids.next(number, frame)}\n`, frame.eventData);
    this.#stream.write(chunks);
  }

  /** Shows the client, and whoever is in between, that the stream lives. */
  beat(): void {
    this.#stream.write([HEARTBEAT]);
  }

  /** Tells how the connection has ended, and ends. */
  close(closing: Closing): void {
    this.#stream.write([closeEvent(closing)]);
    this.#stream.end();
  }

  /** Ends without a word: the client comes back for more. */
  end(): void {
    this.#stream.end();
  }

  /** Cuts it. */
  terminate(): void {
    this.#stream.terminate();
  }

  onReady(): void {
    this.#owner.onReady();
  }

  onClose(): void {
    this.#owner.onEnded(this);
  }
}

/** The event that tells how a connection has ended, or why there is none. `retryMs`: when to come back; absent: as the code says. */
export function closeEvent({ code, reason }: Closing, retryMs?: number): string {
  const rule = reconnectRule(code);
  // An EventSource comes back whatever it is told; what it then shows says that it shouldn't have.
  const id = rule === "never" ? ENDED_EVENT_ID : "";
  const waitMs = retryMs ?? (rule === "immediate" ? RETRY_MS : RETRY_BACKOFF_MS);
  return `retry: ${waitMs}\nid: ${id}\nevent: close\ndata: ${JSON.stringify({ code, reason })}\n\n`;
}
