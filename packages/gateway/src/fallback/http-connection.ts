import { type App, type Clock, countBy, type NodeCounters, type Transport, type WriteResult } from "@carillon/core";
import { accept, CLOSE_CODES, type Result, refuse } from "@carillon/protocol";
import type { PublicServer, SocketHandler } from "@carillon/service";
import type { Batch, Closing, HttpTransportName } from "./batch.ts";
import { CallOrder } from "./call-order.ts";
import { Downstream, type Poll } from "./downstream.ts";
import type { EventStream } from "./event-stream.ts";
import type { Flushable, FlushQueue } from "./flush-queue.ts";
import { lastingFrame, OutFrame } from "./out-frame.ts";
import { isWorthAnotherTry } from "./query-answer.ts";
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

const ABNORMAL = 1006;
const SLOW: Closing = { code: ABNORMAL, reason: "the client did not fetch fast enough" };
const EXPIRED: Closing = { code: ABNORMAL, reason: "the client did not come back" };
const CUT: Closing = { code: ABNORMAL, reason: "" };
const LEFT: Closing = { code: 1000, reason: "" };
/** What the query asks for can't be had now. Not final: clients come back after a delay. */
const UNSUBSCRIBED: Closing = {
  code: CLOSE_CODES.over_capacity.code,
  reason: "a channel can't be subscribed to at the moment",
};
/** As a WebSocket says it. Not final: clients come back after a delay. */
const BROKEN: Closing = { code: 1011, reason: "internal error" };

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
  readonly peerAddress = "";
  readonly #host: HttpConnectionHost;
  readonly #downstream: Downstream;
  readonly #calls = new CallOrder();
  #handler: SocketHandler | null = null;
  /** One of the handler's calls is running: it hears of the end after that. */
  #isInCall = false;
  /** More waits than may; it is closed at the end of the turn. */
  #isSlow = false;
  #closing: Closing | null = null;
  /** The subscribe of the client's query is not answered yet. */
  #awaitsQuery = false;

  constructor(host: HttpConnectionHost, options: HttpConnectionOptions) {
    this.#host = host;
    const { app, remoteAddress, sessionId, transport } = options;
    this.sessionId = sessionId;
    this.app = app;
    this.remoteAddress = remoteAddress;
    this.#downstream = new Downstream({ ...host, transport });
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
    return this.#downstream.waitingBytes;
  }

  /** Which way its client fetched last. */
  get transport(): HttpTransportName {
    return this.#downstream.transport;
  }

  /** True once it has ended and its client knows. */
  get isDone(): boolean {
    return this.#downstream.isDone;
  }

  write(frame: string | Uint8Array): WriteResult {
    if (!this.isOpen) return this.#isSlow ? "dropped" : "closed";
    this.#host.counters.bytesOut += frame.length;
    this.onPublished(new OutFrame(typeof frame === "string" ? Buffer.from(frame) : frame.slice()));
    const result = this.#isSlow ? "dropped" : "queued";
    if (this.#awaitsQuery && typeof frame === "string") this.#hearAnswer(frame);
    return result;
  }

  writeAll(frames: readonly (string | Uint8Array)[]): void {
    for (const frame of frames) {
      if (!this.isOpen) return;
      this.#host.counters.bytesOut += frame.length;
      this.onPublished(typeof frame === "string" ? new OutFrame(Buffer.from(frame)) : lastingFrame(frame));
      if (this.#awaitsQuery && typeof frame === "string") this.#hearAnswer(frame);
    }
  }

  onPublished(frame: OutFrame): void {
    if (!this.isOpen) return;
    if (!this.#downstream.push(frame)) {
      this.#isSlow = true;
      this.#host.counters.slowConsumers++;
    }
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
    this.#downstream.cut();
  }

  /** Takes the commands of one call. `seq`: the number of the call; null: it is not to be told from repeats. */
  receive(commands: readonly Uint8Array[], seq: number | null): Result<void> {
    if (!this.isOpen) return GONE;
    const nowMs = this.#host.clock.monotonic();
    this.#downstream.heard(nowMs);
    const perSecond = this.app?.settings.limits.commandsPerSecond ?? 0;
    const admitted = this.#calls.admit({ seq, perSecond, nowMs });
    if (!admitted.ok) {
      if (admitted.code === "rate_limited") this.#countTooFast();
      return admitted;
    }
    for (const command of admitted.value ? commands : []) {
      if (this.isOpen) this.#call(() => this.#handler?.onFrame(command, false));
    }
    return ACCEPTED;
  }

  /**
   * Takes the subscribe that the client's query makes. Whoever can do no more than that would hear nothing for good where it is refused
   * for the moment: so the connection ends then, behind the answer, for its client to begin a new one.
   */
  receiveQuery(subscribe: Uint8Array): void {
    this.#awaitsQuery = true;
    this.receive([subscribe], null);
  }

  /** The client says that it goes. */
  leave(): void {
    this.close(LEFT.code, LEFT.reason);
  }

  /** See {@link Downstream.poll}. */
  poll(poll: Poll): Result<Promise<Batch>> {
    const batch = this.#downstream.poll(poll);
    this.#host.flushes.add(this);
    return batch;
  }

  /** The client of this poll has gone. */
  abandon(ticket: string): void {
    this.#downstream.abandon(ticket);
  }

  /** True when a fetch could go on from there. */
  canResume(after: number): boolean {
    return this.#downstream.canResume(after);
  }

  /** See {@link Downstream.attach}. */
  attach(stream: EventStream, after: number): Result<void> {
    const attached = this.#downstream.attach(stream, after);
    this.#host.flushes.add(this);
    return attached;
  }

  /** This stream has ended. */
  detach(stream: EventStream): void {
    this.#downstream.detach(stream);
  }

  flush(): void {
    if (this.#isSlow && this.#closing === null) {
      this.#end(SLOW);
      this.#downstream.cutStream();
    }
    this.#downstream.flush();
  }

  /** Looks what the time demands. False when it is over with this connection. */
  tick(nowMs: number): boolean {
    if (this.#downstream.tick(nowMs)) return true;
    if (this.isOpen) this.#end(EXPIRED);
    return false;
  }

  #hearAnswer(frame: string): void {
    const isRefusedForNow = isWorthAnotherTry(frame);
    if (isRefusedForNow === null) return;
    this.#awaitsQuery = false;
    if (isRefusedForNow) this.close(UNSUBSCRIBED.code, UNSUBSCRIBED.reason);
  }

  #countTooFast(): void {
    countBy(this.#host.counters.refusals, "rate_limited");
    const { code, reason } = CLOSE_CODES.rate_limited;
    if (this.#calls.refusedInARow >= MAX_REFUSALS_IN_A_ROW) this.close(code, reason);
  }

  #call(act: () => void): void {
    this.#isInCall = true;
    try {
      act();
    } catch (error) {
      this.#host.onBug(error);
      this.close(BROKEN.code, BROKEN.reason);
    }
    this.#isInCall = false;
    if (this.#closing !== null) this.#tellClosed(this.#closing);
  }

  #end(closing: Closing): void {
    this.#closing = closing;
    this.#downstream.end(closing);
    if (!this.#isInCall) this.#tellClosed(closing);
  }

  #tellClosed({ code }: Closing): void {
    const handler = this.#handler;
    this.#handler = null;
    handler?.onClose(code, this.#isSlow);
  }
}
