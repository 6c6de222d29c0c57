import type { HttpStream, HttpStreamHandler } from "@carillon/service";
import type { Batch } from "./batch.ts";
import type { EventPlace } from "./event-id.ts";
import { EventStream } from "./event-stream.ts";
import type { Sessions } from "./sessions.ts";

/** What a RelayedStream is made of. */
export interface RelayedStreamOptions {
  readonly sessions: Sessions;
  readonly place: EventPlace;
  /** The only channel that the client named in its query; null: there are several or none. */
  readonly channel: string | null;
  readonly origin: string;
  /** What the owner had at once. */
  readonly first: Batch;
  readonly nextTicket: () => string;
  readonly nowMs: number;
  /** How long it lives, in ms: the client then comes back, perhaps to the owner itself. */
  readonly lifetimeMs: number;
  readonly onEnded: (stream: RelayedStream) => void;
  readonly onBug: (error: unknown) => void;
}

/** How long one question to the owner waits for frames, in ms. */
const WAIT_MS = 20_000;

const HEARTBEAT_MS = 15_000;

/** An event stream whose session is on another gateway: it fetches from there, batch by batch. */
export class RelayedStream implements HttpStreamHandler {
  readonly #options: RelayedStreamOptions;
  readonly #stream: EventStream;
  readonly #endsAtMs: number;
  #beatAtMs: number;
  /** Of the poll that the owner has. */
  #ticket: string | null = null;
  #isOver = false;
  #wake: () => void = () => undefined;

  constructor(stream: HttpStream, options: RelayedStreamOptions) {
    this.#options = options;
    this.#beatAtMs = options.nowMs;
    this.#endsAtMs = options.nowMs + options.lifetimeMs;
    const { place, channel } = options;
    const opening = { place, channel, isResumed: true };
    this.#stream = new EventStream(stream, opening, { onReady: () => this.#wake(), onEnded: () => this.#onEnded() });
    this.#run().catch((error: unknown) => {
      options.onBug(error);
      this.#stream.terminate();
    });
  }

  onReady(): void {
    this.#stream.onReady();
  }

  onClose(): void {
    this.#stream.onClose();
  }

  /** Looks what the time demands. */
  tick(nowMs: number): void {
    if (nowMs >= this.#endsAtMs) this.end();
    else if (nowMs - this.#beatAtMs >= HEARTBEAT_MS) {
      this.#stream.beat();
      this.#beatAtMs = nowMs;
    }
  }

  /** Ends it without a word. */
  end(): void {
    this.#stream.end();
  }

  async #run(): Promise<void> {
    for (let batch: Batch | null = this.#options.first; batch !== null; batch = await this.#fetch(batch.next)) {
      await this.#ready();
      if (this.#isOver) return;
      this.#stream.writeFrames(batch.frames);
      await this.#ready();
      if (this.#isOver) return;
      if (batch.closing !== null) {
        this.#stream.close(batch.closing);
        return;
      }
      if (batch.isReplaced) break;
    }
    // Replaced, or the owner is gone or can't be asked: whoever comes back learns which.
    this.#stream.end();
  }

  async #fetch(after: number): Promise<Batch | null> {
    const { sessions, place, origin, nextTicket } = this.#options;
    const { sessionId } = place;
    const ticket = nextTicket();
    this.#ticket = ticket;
    const fetched = await sessions.poll({ sessionId, origin, after, waitMs: WAIT_MS, ticket, transport: "sse" });
    this.#ticket = null;
    return fetched.ok ? fetched.value : null;
  }

  async #ready(): Promise<void> {
    while (!this.#isOver && !this.#stream.isReady) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #onEnded(): void {
    const { sessions, place, onEnded } = this.#options;
    this.#isOver = true;
    this.#wake();
    if (this.#ticket !== null) sessions.abandon(place.sessionId, this.#ticket);
    onEnded(this);
  }
}
