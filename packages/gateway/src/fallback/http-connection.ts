import {
  type App,
  type Clock,
  countBy,
  type NodeCounters,
  RateLimit,
  type Transport,
  type WriteResult,
} from "@carillon/core";
import { accept, CLOSE_CODES, type Result, refuse } from "@carillon/protocol";
import type { PublicServer, SocketHandler } from "@carillon/service";
import type { Batch, Closing, HttpTransportName } from "./batch.ts";
import type { EventStream } from "./event-stream.ts";
import type { Flushable, FlushQueue } from "./flush-queue.ts";
import { OutFrame } from "./out-frame.ts";
import { Outbox } from "./outbox.ts";
import type { TopicListener, TopicListeners } from "./topic-listeners.ts";

/** What all connections over HTTP of a gateway share. */
export interface HttpConnectionHost {
  readonly server: Pick<PublicServer, "publish">;
  readonly listeners: TopicListeners;
  readonly flushes: FlushQueue;
  readonly clock: Clock;
  readonly counters: NodeCounters;
  /** How long a connection lives that nobody fetches from, in ms. */
  readonly keepMs: number;
  /** Bytes that may wait for one client. */
  readonly bufferBytes: number;
  /** Reports a bug: a handler threw. */
  readonly onBug: (error: unknown) => void;
  /** Silence of a client after which its stream is ended, for it to come back and show that it lives, in ms. */
  readonly idleTimeoutMs: number;
}

/** Who the connection belongs to. */
export interface HttpConnectionOptions {
  readonly sessionId: string;
  /** null: the client named none that there is. */
  readonly app: App | null;
  readonly remoteAddress: string;
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

const ABNORMAL = 1006;
const SLOW: Closing = { code: ABNORMAL, reason: "the client did not fetch fast enough" };
const EXPIRED: Closing = { code: ABNORMAL, reason: "the client did not come back" };
const CUT: Closing = { code: ABNORMAL, reason: "" };

/** As a WebSocket says it. Not final: clients come back after a delay. */
const INTERNAL_ERROR_CODE = 1011;

/** So many refused calls in a row, and the connection is closed. */
const MAX_REFUSALS_IN_A_ROW = 100;

const GONE = refuse("session_gone", "the session is over, or never was: begin a new one");
const ACCEPTED = accept(undefined);

/**
 * A connection whose client fetches its frames over HTTP: by one answer that goes on, or by one answer after the other.
 * What is written waits until it is fetched; between two fetches the connection lives on for a while. To its protocol it is
 * a transport like any other.
 */
export class HttpConnection implements Transport, TopicListener, Flushable {
  readonly sessionId: string;
  readonly app: App | null;
  readonly remoteAddress: string;
  readonly #host: HttpConnectionHost;
  readonly #outbox: Outbox;
  readonly #callRate = new RateLimit();
  #handler: SocketHandler | null = null;
  #transport: HttpTransportName;
  #stream: EventStream | null = null;
  #poll: WaitingPoll | null = null;
  /** One of the handler's calls is running: it hears of the end after that. */
  #isInCall = false;
  /** More waits than may; it is closed at the end of the turn. */
  #isSlow = false;
  #closing: Closing | null = null;
  #isClosingFetched = false;
  #refusalsInARow = 0;
  #lastSeq = 0;
  #heardAtMs: number;
  #leftAtMs: number;
  #wroteAtMs: number;
  #forgotAtMs: number;

  constructor(host: HttpConnectionHost, options: HttpConnectionOptions) {
    this.#host = host;
    this.#outbox = new Outbox(host.bufferBytes);
    this.sessionId = options.sessionId;
    this.app = options.app;
    this.remoteAddress = options.remoteAddress;
    this.#transport = options.transport;
    this.#heardAtMs = host.clock.monotonic();
    this.#leftAtMs = this.#heardAtMs;
    this.#wroteAtMs = this.#heardAtMs;
    this.#forgotAtMs = this.#heardAtMs;
  }

  /** Begins the conversation. Once. */
  begin(open: (transport: Transport) => SocketHandler): void {
    this.#call(() => {
      this.#handler = open(this);
    });
  }

  get isOpen(): boolean {
    return this.#closing === null && !this.#isSlow;
  }

  get bufferedBytes(): number {
    return this.#outbox.waitingBytes;
  }

  /** Which way its client fetched last. */
  get transport(): HttpTransportName {
    return this.#transport;
  }

  /** True once it has ended and its client knows. */
  get isDone(): boolean {
    return this.#isClosingFetched;
  }

  write(frame: string | Uint8Array): WriteResult {
    if (!this.isOpen) return this.#isSlow ? "dropped" : "closed";
    this.onPublished(new OutFrame(typeof frame === "string" ? Buffer.from(frame) : frame.slice()));
    return this.#isSlow ? "dropped" : "queued";
  }

  writeAll(frames: readonly (string | Uint8Array)[]): void {
    for (const frame of frames) if (this.write(frame) !== "queued") return;
  }

  onPublished(frame: OutFrame): void {
    if (!this.isOpen) return;
    if (!this.#outbox.push(frame)) this.#pushInHaste(frame);
    this.#host.flushes.add(this);
  }

  joinTopic(topic: string): void {
    if (this.isOpen) this.#host.listeners.join(topic, this);
  }

  leaveTopic(topic: string): void {
    this.#host.listeners.leave(topic, this);
  }

  publishToOthers(topic: string, frame: Uint8Array, isBinary: boolean): void {
    this.#host.server.publish(topic, frame, isBinary);
    this.#host.listeners.publish(topic, frame, this);
  }

  close(code: number, reason: string): void {
    if (!this.isOpen) return;
    this.#end({ code, reason });
    this.#host.flushes.add(this);
  }

  terminate(): void {
    if (this.isOpen) this.#end(CUT);
    this.#isClosingFetched = true;
    this.#stream?.terminate();
    this.#answerPoll();
  }

  /** Takes the body of one call: a command, or several. `seq`: the number of the call; null: it is not to be told from repeats. */
  receive(commands: readonly Uint8Array[], seq: number | null): Result<void> {
    if (!this.isOpen) return GONE;
    this.#heardAtMs = this.#host.clock.monotonic();
    if (seq !== null && seq <= this.#lastSeq) return ACCEPTED;
    if (seq !== null && seq !== this.#lastSeq + 1) {
      const awaited = this.#lastSeq + 1;
      return refuse(
        "out_of_order",
        `call ${seq} came, ${awaited} is awaited: make one at a time, and repeat lost ones`,
      );
    }
    const perSecond = this.app?.settings.limits.commandsPerSecond ?? 0;
    if (!this.#callRate.take(perSecond, this.#heardAtMs)) return this.#refuseFast(perSecond);
    this.#refusalsInARow = 0;
    if (seq !== null) this.#lastSeq = seq;
    for (const command of commands) {
      if (!this.isOpen) break;
      this.#call(() => this.#handler?.onFrame(command, false));
    }
    return ACCEPTED;
  }

  /** The client says that it goes. */
  leave(): void {
    if (!this.isOpen) return;
    this.#end({ code: 1000, reason: "" });
    this.#host.flushes.add(this);
  }

  /**
   * Fetches what came after `after`: at once when there is something, or when the time is up, or a newer fetch takes its
   * place. Refused when the session can't go on from there.
   */
  poll({ after, waitMs, ticket, transport }: Poll): Result<Promise<Batch>> {
    const fetched = this.#fetch(after, transport);
    if (!fetched.ok) return fetched;
    const dueAtMs = this.#heardAtMs + waitMs;
    const result = new Promise<Batch>((resolve) => {
      this.#poll = { after, ticket, dueAtMs, resolve };
    });
    if (this.#hasNews || waitMs <= 0) this.#host.flushes.add(this);
    return accept(result);
  }

  /** The client of this poll has gone. */
  abandon(ticket: string): void {
    if (this.#poll?.ticket === ticket) this.#replacePoll();
  }

  /** True when a fetch could go on from there. */
  canResume(after: number): boolean {
    return this.#outbox.has(after);
  }

  /** Streams what came after `after`. Refused when the session can't go on from there. */
  attach(stream: EventStream, after: number): Result<void> {
    const fetched = this.#fetch(after, "sse");
    if (!fetched.ok) return fetched;
    this.#stream = stream;
    this.#wroteAtMs = this.#heardAtMs;
    this.#host.flushes.add(this);
    return ACCEPTED;
  }

  /** This stream has ended. */
  detach(stream: EventStream): void {
    if (this.#stream !== stream) return;
    this.#stream = null;
    this.#leftAtMs = this.#host.clock.monotonic();
  }

  flush(): void {
    if (this.#isSlow && this.#closing === null) {
      this.#end(SLOW);
      this.#stream?.terminate();
    }
    if (this.#stream !== null) this.#flushStream(this.#stream);
    if (this.#poll !== null && (this.#hasNews || this.#poll.dueAtMs <= this.#host.clock.monotonic()))
      this.#answerPoll();
  }

  /** Looks what the time demands. False when it is over with this connection. */
  tick(nowMs: number): boolean {
    if (this.#stream !== null) {
      if (nowMs - this.#heardAtMs >= this.#host.idleTimeoutMs) this.#stream.end();
      else this.#tend(this.#stream, nowMs);
      return true;
    }
    if (this.#poll !== null) {
      if (nowMs >= this.#poll.dueAtMs) this.#answerPoll();
      return true;
    }
    if (nowMs - this.#leftAtMs < this.#host.keepMs) return true;
    if (this.isOpen) this.#end(EXPIRED);
    return false;
  }

  get #hasNews(): boolean {
    return this.#outbox.hasWaiting || this.#closing !== null;
  }

  /** More came in one turn than may wait. Who takes it at once is not slow. */
  #pushInHaste(frame: OutFrame): void {
    if (this.#stream !== null) this.#writeTo(this.#stream);
    this.#answerPoll();
    if (this.#outbox.push(frame)) return;
    this.#isSlow = true;
    this.#host.counters.slowConsumers++;
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
    this.#heardAtMs = this.#host.clock.monotonic();
    return ACCEPTED;
  }

  #writeTo(stream: EventStream): void {
    while (stream.isReady && this.#outbox.hasWaiting) {
      stream.writeFrames(this.#outbox.take(WRITE_BYTES));
      this.#wroteAtMs = this.#host.clock.monotonic();
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
    if (poll !== null) this.#leftAtMs = this.#host.clock.monotonic();
    return poll;
  }

  #refuseFast(perSecond: number): Result<void> {
    this.#refusalsInARow++;
    countBy(this.#host.counters.refusals, "rate_limited");
    const { code, reason } = CLOSE_CODES.rate_limited;
    if (this.#refusalsInARow >= MAX_REFUSALS_IN_A_ROW) this.close(code, reason);
    return refuse("rate_limited", `a connection may send ${perSecond} commands a second: slow down, then repeat this`);
  }

  #call(act: () => void): void {
    this.#isInCall = true;
    try {
      act();
    } catch (error) {
      this.#host.onBug(error);
      this.close(INTERNAL_ERROR_CODE, "internal error");
    }
    this.#isInCall = false;
    if (this.#closing !== null) this.#tellClosed(this.#closing);
  }

  #end(closing: Closing): void {
    this.#closing = closing;
    if (!this.#isInCall) this.#tellClosed(closing);
  }

  #tellClosed({ code }: Closing): void {
    const handler = this.#handler;
    this.#handler = null;
    handler?.onClose(code, this.#isSlow);
  }
}
