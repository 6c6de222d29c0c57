import {
  type BlockStore,
  type Bus,
  type BusPublishOptions,
  type BusPublishResult,
  type BusReceiver,
  type BusStatus,
  BusUnavailableError,
  type ChannelAddress,
  type ClusterLink,
  type HistoryStore,
  SparseLog,
  type WebhookQueue,
} from "@carillon/core";
import type { ConnectionOptions } from "nats";
import { NatsBlockStore } from "./block-store.ts";
import { BusPublisher } from "./bus-publisher.ts";
import { BusSubscriptions } from "./bus-subscriptions.ts";
import { NatsClusterLink } from "./cluster-link.ts";
import { withDeadline } from "./deadline.ts";
import { historySettingsOf } from "./history-config.ts";
import { NatsHistory } from "./history-store.ts";
import { webhookSettingsOf } from "./hook-config.ts";
import { NatsWebhookQueue } from "./hook-queue.ts";
import type { Deliver } from "./interest.ts";
import { createInterest } from "./interest-modes.ts";
import { type JetStreamReport, reportJetStream, type StreamUse, type WantedStream } from "./jetstream-report.ts";
import { Link } from "./link.ts";
import { type NatsLog, SILENT_LOG } from "./log.ts";
import { MovableLink, type MovableLinkOptions } from "./movable-link.ts";
import type { NatsBusOptions } from "./options.ts";
import { OriginReader } from "./origin-reader.ts";
import { KeyedPlace, PassedOn } from "./passed-on.ts";
import { NatsProxyDrains } from "./proxy-drains.ts";
import { PublishOrder } from "./publish-order.ts";
import { SubjectSpace } from "./subject.ts";
import { traceIn } from "./trace-headers.ts";

const DEFAULT_PREFIX = "carillon";
const DEFAULT_SUBSCRIBE_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 5_000;

/** What has happened to a NatsBus since its start. Only ever grows. */
export interface NatsBusCounters {
  /** Times that the connection broke. What was published meanwhile did not reach this node. */
  readonly disconnects: number;
  /** Times that it stood again: after a break, or on another server before the old one went. */
  readonly reconnects: number;
  /** Publishes and subscriptions that NATS refused for lack of permission. */
  readonly refusals: number;
  /** Messages of channels that nobody here wants, which came by a partition's wildcard and were dropped. */
  readonly unwanted: number;
  /** Times that a partition changed between subscriptions of its channels and a wildcard. */
  readonly interestChanges: number;
}

/** The {@link Bus} on NATS. Made by `connectNatsBus`. */
export class NatsBus implements Bus {
  readonly #space: SubjectSpace;
  readonly #log: NatsLog;
  readonly #link: MovableLink;
  readonly #history: NatsHistory;
  readonly #webhooks: NatsWebhookQueue;
  readonly #clusterLink: NatsClusterLink;
  readonly #blocks: NatsBlockStore;
  readonly #proxyDrains: NatsProxyDrains;
  readonly #publisher: BusPublisher;
  readonly #subscriptions: BusSubscriptions;
  readonly #passedOn = new PassedOn();
  readonly #listeners = new Set<(status: BusStatus) => void>();
  readonly #doubters = new Set<(lossMs: number) => void>();
  readonly #counters = { disconnects: 0, reconnects: 0, refusals: 0, unwanted: 0, interestChanges: 0 };
  #status: BusStatus = "connected";
  #closing: Promise<void> | null = null;

  private constructor(options: NatsBusOptions, space: SubjectSpace, connection: ConnectionOptions, link: Link) {
    this.#space = space;
    this.#log = options.log ?? SILENT_LOG;
    const order = new PublishOrder();
    this.#history = new NatsHistory({
      space,
      settings: historySettingsOf(options.history ?? {}),
      order,
      log: this.#log,
      link: () => this.#linkInUse,
      onDoubt: (sinceMs) => this.#doubt(sinceMs),
    });
    this.#webhooks = new NatsWebhookQueue({
      space,
      settings: webhookSettingsOf(options.webhooks ?? {}),
      log: this.#log,
      link: () => this.#linkInUse,
    });
    this.#link = this.#createMovableLink(options, connection, link);
    this.#publisher = new BusPublisher({
      space,
      link: this.#link,
      order,
      idempotency: options.idempotency ?? {},
      log: this.#log,
      assertOpen: () => this.#assertOpen(),
    });
    this.#subscriptions = new BusSubscriptions({
      link: this.#link,
      timeoutMs: options.subscribeTimeoutMs ?? DEFAULT_SUBSCRIBE_TIMEOUT_MS,
      assertOpen: () => this.#assertOpen(),
    });
    this.#clusterLink = new NatsClusterLink({
      space,
      link: this.#link,
      whenStanding: () => this.#subscriptions.whenStanding(),
      onGap: (silentMs) => this.#doubt(silentMs),
    });
    this.#proxyDrains = new NatsProxyDrains({ space, link: this.#link });
    this.#blocks = new NatsBlockStore({
      space,
      settings: options.blocks ?? {},
      log: this.#log,
      link: () => this.#linkInUse,
      listen: (subject, callback) => this.#link.listen(subject, callback),
    });
  }

  /** @internal Connects; rejects with what the client says when no server takes the connection. */
  static async open(options: NatsBusOptions, connection: ConnectionOptions): Promise<NatsBus> {
    const space = new SubjectSpace(options.prefix ?? DEFAULT_PREFIX);
    // Before connecting: settings that can't work must not leave a connection behind.
    historySettingsOf(options.history ?? {});
    return new NatsBus(options, space, connection, await Link.open(connection, options.log ?? SILENT_LOG));
  }

  get status(): BusStatus {
    return this.#status;
  }

  /** What has happened so far; the object stays and its numbers grow. */
  get counters(): NatsBusCounters {
    return this.#counters;
  }

  /** Partitions whose wildcard the node is subscribed to. */
  get wildcards(): number {
    return this.#link.wildcards;
  }

  /** Bytes that were published and that NATS has not confirmed yet. */
  get unconfirmedBytes(): number {
    return this.#link.link.outbox.unconfirmedBytes;
  }

  /** Histories, kept on JetStream over the same connection; closed together with the bus. */
  get history(): HistoryStore {
    return this.#history;
  }

  /** Events on their way to applications, on JetStream over the same connection; closed together with the bus. */
  get webhooks(): WebhookQueue {
    return this.#webhooks;
  }

  /** What the processes of the cluster tell each other, over the same connection; closed together with the bus. */
  get clusterLink(): ClusterLink {
    return this.#clusterLink;
  }

  /** How operators ask gateways to send those elsewhere who came through a proxy. */
  get proxyDrains(): NatsProxyDrains {
    return this.#proxyDrains;
  }

  /** Who is kept out, kept on JetStream over the same connection; closed together with the bus. */
  get blocks(): BlockStore {
    return this.#blocks;
  }

  /** What JetStream says of itself and of the streams for these uses. Makes none of them; never rejects. */
  async reportJetStream(uses: readonly StreamUse[]): Promise<JetStreamReport> {
    const streams: Readonly<Record<StreamUse, readonly WantedStream[]>> = {
      history: this.#history.streams,
      idempotency: [this.#publisher.keyStream],
      webhooks: [this.#webhooks.queueStream],
      deadLetters: [this.#webhooks.deadStream],
      blocks: [this.#blocks.stream],
    };
    const wanted = uses.flatMap((use) => streams[use].map((stream) => ({ use, stream })));
    return await reportJetStream(this.#link.link, wanted);
  }

  onStatus(listener: (status: BusStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onDoubt(listener: (lossMs: number) => void): () => void {
    this.#doubters.add(listener);
    return () => this.#doubters.delete(listener);
  }

  async subscribe(receiver: BusReceiver): Promise<void> {
    this.#assertOpen();
    await this.#subscriptions.subscribe(receiver);
  }

  unsubscribe(receiver: BusReceiver): void {
    this.#subscriptions.unsubscribe(receiver);
  }

  publish(address: ChannelAddress, envelope: Uint8Array, options?: BusPublishOptions): Promise<BusPublishResult> {
    return this.#publisher.publish(address, envelope, options);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #createMovableLink(options: NatsBusOptions, connection: ConnectionOptions, link: Link): MovableLink {
    const refusals = new SparseLog();
    const origins = new OriginReader(this.#space, (stream, offset) => this.#history.noteDelivered(stream, offset));
    const shared = {
      space: this.#space,
      originOf: origins.read,
      ...(options.readsTraces === true ? { traceOf: traceIn } : {}),
      onRefused: (receiver: BusReceiver) => this.#subscriptions.refuse(receiver),
      onUnwanted: () => this.#counters.unwanted++,
      onChange: () => this.#counters.interestChanges++,
      onForbidden: () => this.#log.warn("nats_wildcards_not_permitted", { consequence: "one subscription a channel" }),
    };
    const parts: MovableLinkOptions = {
      connection,
      log: this.#log,
      createInterest: (owner, deliver) => createInterest(options, { ...shared, link: owner, deliver }),
      deliver: this.#deliver,
      onUp: () => this.#onUp(),
      onDown: () => this.#onDown(),
      onClusterChanged: () => this.#doubt(this.#clusterLink.longestSilenceMs),
      onRefused: (operation, subject) => {
        // Not what the node needs: it goes on without, and has said so.
        if (options.interest === "auto" && this.#space.isWildcard(subject)) return;
        this.#counters.refusals++;
        refusals.note("permission", performance.now(), (suppressed) =>
          this.#log.error("nats_permission_denied", { operation, subject, suppressed }),
        );
      },
    };
    return new MovableLink(parts, link);
  }

  async #close(): Promise<void> {
    const late = () => new BusUnavailableError("NATS did not take in time what was published before the close");
    await withDeadline(this.#publisher.whenAllHasLeft(), CLOSE_TIMEOUT_MS, late).catch((error: unknown) => {
      this.#log.warn("nats_close_incomplete", { error });
    });
    this.#publisher.close();
    this.#history.close();
    this.#webhooks.close();
    this.#blocks.close();
    await this.#link.close();
    this.#setStatus("closed");
  }

  readonly #deliver: Deliver = (receiver, envelope, origin, trace) => {
    if (this.#closing !== null) return;
    const isKeyed = origin instanceof KeyedPlace;
    if (isKeyed && this.#passedOn.isRepeat(receiver, origin)) return;
    try {
      receiver.receive(envelope, isKeyed ? undefined : origin, trace);
    } catch (error) {
      // It promised not to. Let through, the error would end the client's read loop, and with it all delivery.
      this.#log.error("bus_receiver_failed", { error });
    }
  };

  get #linkInUse(): Link | null {
    return this.#link.isUp ? this.#link.link : null;
  }

  #onUp(): void {
    this.#counters.reconnects++;
    this.#history.forget();
    this.#webhooks.forget();
    // What others said meanwhile is missed, which the change of status says.
    this.#clusterLink.forgive();
    this.#blocks.revive();
    this.#setStatus("connected");
  }

  #onDown(): void {
    if (this.#status !== "connected") return;
    this.#counters.disconnects++;
    this.#publisher.abandon();
    this.#history.abandon();
    this.#webhooks.abandon();
    this.#blocks.abandon();
    this.#log.warn("nats_disconnected", { server: this.#link.link.server });
    this.#setStatus("disconnected");
  }

  #doubt(lossMs: number): void {
    this.#blocks.check();
    for (const listener of this.#doubters) listener(lossMs);
  }

  #setStatus(status: BusStatus): void {
    if (this.#status === status || this.#status === "closed") return;
    if (status === "connected") this.#log.info("nats_connected", { server: this.#link.link.server });
    this.#status = status;
    this.#subscriptions.linkChanged();
    for (const listener of this.#listeners) listener(status);
  }

  #assertOpen(): void {
    if (this.#closing !== null) throw new BusUnavailableError("this node's bus is closed");
  }
}
