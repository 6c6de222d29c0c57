import { type BusPublishResult, BusUnavailableError, SparseLog } from "@carillon/core";
import {
  type ConnectionOptions,
  createInbox,
  type Msg,
  type NatsConnection,
  type NatsError,
  type PublishOptions,
  type Status,
  type Subscription,
} from "nats";
import { withDeadline } from "./deadline.ts";
import { writeLetters } from "./letter-writer.ts";
import type { NatsLog } from "./log.ts";
import { Outbox } from "./outbox.ts";
import { connectPaced } from "./paced-transport.ts";
import { checkedSubject } from "./subject.ts";

/** What becomes of a subscription: an error when the server refused it (it is gone then), else a message. */
export type LinkCallback = (error: NatsError | null, msg: Msg) => void;

/** Hears what happens to a link. */
export interface LinkObserver {
  /** The connection broke; the link goes on trying to come back by itself. */
  onDown(link: Link): void;
  /** It is back, and every subscription stands again. */
  onUp(link: Link): void;
  /** The server is about to shut down. */
  onLameDuck(link: Link): void;
  /** The server refused a publish or a subscription for lack of permission. */
  onRefused(operation: string, subject: string): void;
  /** The servers of the cluster have changed: one went, or came. */
  onClusterChanged(link: Link): void;
  /** The server has stopped answering, or the client has given up: this link is of no use any more. */
  onLost(link: Link): void;
}

// Replaying 100,000 subscriptions after a reconnect takes about 2 s (measured), and there may be several times as many.
const REVIVE_TIMEOUT_MS = 60_000;

/** One connection to NATS. The client library reconnects it by itself and replays its subscriptions. */
export class Link {
  readonly #connection: NatsConnection;
  #observer: LinkObserver | null = null;
  readonly #log: NatsLog;
  readonly #errors = new SparseLog();
  readonly #inboxPrefix: string | undefined;
  readonly outbox: Outbox;
  #isUp = true;
  #isClosed = false;
  #maxPayloadBytes = 0;
  #serverId = "";
  #peers: readonly string[] = [];

  private constructor(connection: NatsConnection, log: NatsLog, inboxPrefix: string | undefined) {
    this.#connection = connection;
    this.#log = log;
    this.#inboxPrefix = inboxPrefix;
    this.outbox = new Outbox({
      write: (letters) => writeLetters(connection, letters),
      ping: () => connection.flush(),
      onStuck: () => this.#lose("it stopped answering"),
    });
    this.#readInfo();
    void this.#watch();
    void connection.closed().then(() => this.#lose("the client gave up"));
  }

  /** Connects. Tries each server once, then rejects with what the last one failed with. */
  static async open(options: ConnectionOptions, log: NatsLog): Promise<Link> {
    return new Link(await connectPaced(options), log, options.inboxPrefix);
  }

  /** Names who hears what happens. To be called in the turn in which {@link open} resolved, so that nothing is missed. */
  attach(observer: LinkObserver): void {
    this.#observer = observer;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** True when it is of no use any more: closed, or lost. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Identity of the server at the other end. */
  get serverId(): string {
    return this.#serverId;
  }

  /** `host:port` of the server, or of the name it was found under. */
  get server(): string {
    return this.#connection.getServer();
  }

  /** The servers of the cluster, as the server told them. */
  get peers(): readonly string[] {
    return this.#peers;
  }

  /** True when the server is one of a cluster. */
  get isClustered(): boolean {
    return this.#connection.info?.cluster !== undefined;
  }

  /** Largest message that the server takes, in bytes. */
  get maxPayloadBytes(): number {
    return this.#maxPayloadBytes;
  }

  /** True when the server is about to shut down. */
  get isLameDuck(): boolean {
    return this.#connection.info?.ldm === true;
  }

  /** A subject for answers that nobody else has. */
  createInbox(): string {
    return createInbox(this.#inboxPrefix);
  }

  /** Subscribes; it stands once {@link confirm} resolves. While the link is down it is sent when it comes back. Null when it is closed. */
  subscribe(subject: string, callback: LinkCallback): Subscription | null {
    if (this.#isClosed) return null;
    return this.#connection.subscribe(checkedSubject(subject), { callback });
  }

  /** See {@link Outbox.publish}. */
  publish(subject: string, data: Uint8Array, options?: PublishOptions): Promise<BusPublishResult> {
    return this.outbox.publish(subject, data, options);
  }

  /** See {@link Outbox.send}. */
  send(subject: string, data: Uint8Array, options: PublishOptions): void {
    this.outbox.send(checkedSubject(subject), data, options);
  }

  /** See {@link Outbox.confirm}. */
  confirm(): Promise<BusPublishResult> {
    return this.outbox.confirm();
  }

  /** Asks one question and resolves with the first answer; rejects as the client does. */
  async request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return (await this.#connection.request(checkedSubject(subject), data, { timeout: timeoutMs })).data;
  }

  /**
   * Lets go at once: what waits in the outbox is refused. The client's `drain` is not used: with 100,000 subscriptions it
   * takes more than ten seconds.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isUp = false;
    this.outbox.fail(new BusUnavailableError("the connection to NATS is closed"));
    await this.#connection.close();
  }

  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) this.#onStatus(status);
  }

  #onStatus(status: Status): void {
    if (this.#isClosed) return;
    // A plain string: the client's next major version has no such enum.
    const type: string = status.type;
    if (type === "disconnect") this.#goDown();
    else if (type === "reconnect") void this.#revive();
    else if (type === "update") this.#onUpdate();
    else if (type === "ldm") this.#observer?.onLameDuck(this);
    else if (type === "error") this.#onError(status);
    // The client ends the connection behind what it has written, which is never where the pipe is full: the deadline of this ends it then.
    else if (type === "staleConnection") void this.outbox.confirm();
  }

  #onUpdate(): void {
    const before = this.#peers.toSorted().join();
    this.#readInfo();
    if (this.#peers.toSorted().join() !== before) this.#observer?.onClusterChanged(this);
  }

  #onError(status: Status): void {
    const context = status.permissionContext;
    if (context === undefined) {
      const { server } = this;
      const code = String(status.data);
      // Many times a second while credentials are refused.
      this.#errors.note(code, performance.now(), (suppressed) =>
        this.#log.warn("nats_error", { code, server, suppressed }),
      );
      return;
    }
    if (context.operation === "publish") {
      this.outbox.refuse(new BusUnavailableError(`NATS does not permit this node to publish on ${context.subject}`));
    }
    this.#observer?.onRefused(context.operation, context.subject);
  }

  #goDown(): void {
    const wasUp = this.#isUp;
    this.#isUp = false;
    this.outbox.fail(new BusUnavailableError("the connection to NATS broke"));
    if (wasUp) this.#observer?.onDown(this);
  }

  /** The subscriptions were sent again before this PING, so its answer says that they stand. */
  async #revive(): Promise<void> {
    try {
      const late = () => new BusUnavailableError("NATS did not take the subscriptions back in time");
      await withDeadline(this.#connection.flush(), REVIVE_TIMEOUT_MS, late);
    } catch (error) {
      // Broken again: the next reconnect revives it. Only a server that doesn't answer needs another link.
      if (error instanceof BusUnavailableError) this.#lose("it stopped answering");
      return;
    }
    if (this.#isClosed || this.#isUp) return;
    this.#readInfo();
    this.#isUp = true;
    this.#observer?.onUp(this);
  }

  #readInfo(): void {
    const info = this.#connection.info;
    if (info === undefined) return;
    this.#maxPayloadBytes = info.max_payload;
    this.#serverId = info.server_id;
    if (info.connect_urls !== undefined && info.connect_urls.length > 0) this.#peers = info.connect_urls;
  }

  #lose(why: string): void {
    if (this.#isClosed) return;
    this.#log.warn("nats_link_lost", { server: this.server, why });
    void this.close();
    this.#observer?.onLost(this);
  }
}
