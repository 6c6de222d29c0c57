import type { Clock } from "@carillon/core";
import { accept, type Result, refuse } from "@carillon/protocol";
import type { Batch, Closing, HttpTransportName } from "./batch.ts";
import type { EventStream } from "./event-stream.ts";
import type { OutFrame } from "./out-frame.ts";
import { Outbox } from "./outbox.ts";

/** What a Downstream stands on. */
export interface DownstreamOptions {
  readonly clock: Clock;
  /** Bytes that may wait for the client. */
  readonly bufferBytes: number;
  /** How long it lives while nobody fetches, in ms. */
  readonly keepMs: number;
  /** Silence of a client after which its stream is ended, for it to come back and show that it lives, in ms. */
  readonly idleTimeoutMs: number;
  readonly transport: HttpTransportName;
}

/** A client that waits for frames. */
export interface Poll {
  /** Number of the last frame that the client has. */
  readonly after: number;
  /** How long it waits, in ms. */
  readonly waitMs: number;
  /** What it is called by whoever may want to end it. */
  readonly ticket: string;
  readonly transport: HttpTransportName;
}

interface WaitingPoll {
  readonly after: number;
  readonly ticket: string;
  readonly dueAtMs: number;
  readonly resolve: (batch: Batch) => void;
}

/** Bytes that are put into one write. What the client doesn't take of it stays in uWebSockets.js's own buffer. */
const WRITE_BYTES = 65_536;

const HEARTBEAT_MS = 15_000;

/** What was streamed is kept for once to twice so long, in ms: a client whose stream breaks is back by then, or begins anew. */
const FORGET_AFTER_MS = 15_000;

const ACCEPTED = accept(undefined);

/** The way of one connection's frames to its client: what waits, and the stream or the poll that fetches it, one at a time. */
export class Downstream {
  readonly #options: DownstreamOptions;
  readonly #outbox: Outbox;
  #transport: HttpTransportName;
  #stream: EventStream | null = null;
  #poll: WaitingPoll | null = null;
  #closing: Closing | null = null;
  #isClosingFetched = false;
  #heardAtMs: number;
  #leftAtMs: number;
  #wroteAtMs: number;
  #forgotAtMs: number;

  constructor(options: DownstreamOptions) {
    this.#options = options;
    this.#outbox = new Outbox(options.bufferBytes);
    this.#transport = options.transport;
    const nowMs = options.clock.monotonic();
    this.#heardAtMs = nowMs;
    this.#leftAtMs = nowMs;
    this.#wroteAtMs = nowMs;
    this.#forgotAtMs = nowMs;
  }

  /** Bytes that wait to be fetched. */
  get waitingBytes(): number {
    return this.#outbox.waitingBytes;
  }

  /** Which way the client fetched last. */
  get transport(): HttpTransportName {
    return this.#transport;
  }

  /** True once the client has everything, and knows that there will be no more. */
  get isDone(): boolean {
    return this.#isClosingFetched;
  }

  /** Adds a frame; false when too much waits already. It leaves with the next {@link flush}. */
  push(frame: OutFrame): boolean {
    if (this.#outbox.push(frame)) return true;
    // More came in one turn than may wait. Who takes it at once is not slow.
    if (this.#stream !== null) this.#writeTo(this.#stream);
    this.#answerPoll();
    return this.#outbox.push(frame);
  }

  /** Behind what waits there is no more. */
  end(closing: Closing): void {
    this.#closing = closing;
  }

  /** The client has shown that it lives. */
  heard(nowMs: number): void {
    this.#heardAtMs = nowMs;
  }

  /**
   * Waits for what came after `after`: until there is something, or the time is up, or a newer fetch takes its place. Refused
   * when the client can't go on from there.
   */
  poll({ after, waitMs, ticket, transport }: Poll): Result<Promise<Batch>> {
    const fetched = this.#fetch(after, transport);
    if (!fetched.ok) return fetched;
    const dueAtMs = this.#heardAtMs + waitMs;
    const batch = new Promise<Batch>((resolve) => {
      this.#poll = { after, ticket, dueAtMs, resolve };
    });
    return accept(batch);
  }

  /** The client of this poll has gone. */
  abandon(ticket: string): void {
    if (this.#poll?.ticket === ticket) this.#replacePoll();
  }

  /** True when a fetch could go on from there. */
  canResume(after: number): boolean {
    return this.#outbox.has(after);
  }

  /** Streams what came after `after`. Refused when the client can't go on from there. */
  attach(stream: EventStream, after: number): Result<void> {
    const fetched = this.#fetch(after, "sse");
    if (!fetched.ok) return fetched;
    this.#stream = stream;
    this.#wroteAtMs = this.#heardAtMs;
    return ACCEPTED;
  }

  /** This stream has ended. */
  detach(stream: EventStream): void {
    if (this.#stream !== stream) return;
    this.#stream = null;
    this.#leftAtMs = this.#options.clock.monotonic();
  }

  /** Brings what there is to whoever fetches. */
  flush(): void {
    if (this.#stream !== null) this.#flushStream(this.#stream);
    if (this.#poll === null) return;
    const isDue = this.#poll.dueAtMs <= this.#options.clock.monotonic();
    if (isDue || this.#outbox.hasWaiting || this.#closing !== null) this.#answerPoll();
  }

  /** Cuts the stream, if there is one. */
  cutStream(): void {
    this.#stream?.terminate();
  }

  /** Cuts everything; nobody needs to fetch what is left. */
  cut(): void {
    this.#isClosingFetched = true;
    this.cutStream();
    this.#answerPoll();
  }

  /** Looks what the time demands. False when nobody has fetched for too long, or who was turned away knows. */
  tick(nowMs: number): boolean {
    const { idleTimeoutMs, keepMs } = this.#options;
    if (this.#stream !== null) {
      if (nowMs - this.#heardAtMs >= idleTimeoutMs) this.#stream.end();
      else this.#tend(this.#stream, nowMs);
      return true;
    }
    if (this.#poll !== null) {
      if (nowMs >= this.#poll.dueAtMs) this.#answerPoll();
      return true;
    }
    // The only frame was why it can't stay, which it is told again when it comes back. Kept, it would take the room of others.
    if (this.#isClosingFetched && this.#outbox.last <= 1) return false;
    return nowMs - this.#leftAtMs < keepMs;
  }

  #fetch(after: number, transport: HttpTransportName): Result<void> {
    if (!this.#outbox.acknowledge(after)) {
      return after > this.#outbox.last
        ? refuse("invalid_field", `"after" is ${after}, which this session has not come to yet`)
        : refuse("session_gone", `what came after ${after} is kept no more: begin a new session`);
    }
    this.#stream?.end();
    this.#stream = null;
    this.#replacePoll();
    this.#transport = transport;
    this.#heardAtMs = this.#options.clock.monotonic();
    return ACCEPTED;
  }

  #writeTo(stream: EventStream): void {
    while (stream.isReady && this.#outbox.hasWaiting) {
      stream.writeFrames(this.#outbox.take(WRITE_BYTES));
      this.#wroteAtMs = this.#options.clock.monotonic();
    }
  }

  #flushStream(stream: EventStream): void {
    this.#writeTo(stream);
    if (this.#closing === null || this.#outbox.hasWaiting || !stream.isReady) return;
    this.#isClosingFetched = true;
    stream.close(this.#closing);
  }

  #tend(stream: EventStream, nowMs: number): void {
    if (nowMs - this.#wroteAtMs >= HEARTBEAT_MS) {
      stream.beat();
      this.#wroteAtMs = nowMs;
    }
    if (nowMs - this.#forgotAtMs >= FORGET_AFTER_MS) {
      this.#outbox.forgetOld();
      this.#forgotAtMs = nowMs;
    }
  }

  #answerPoll(): void {
    const poll = this.#takePoll();
    if (poll === null) return;
    const frames = this.#outbox.take(Number.POSITIVE_INFINITY);
    if (this.#closing !== null) this.#isClosingFetched = true;
    const next = frames.at(-1)?.number ?? poll.after;
    poll.resolve({ frames, next, closing: this.#closing, isReplaced: false });
  }

  /** Another fetch has taken the place of the one that waits, or nobody waits any more. */
  #replacePoll(): void {
    const poll = this.#takePoll();
    poll?.resolve({ frames: [], next: poll.after, closing: null, isReplaced: true });
  }

  #takePoll(): WaitingPoll | null {
    const poll = this.#poll;
    this.#poll = null;
    if (poll !== null) this.#leftAtMs = this.#options.clock.monotonic();
    return poll;
  }
}
