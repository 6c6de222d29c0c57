import { decodeEnvelope, type Envelope, envelopeExclude } from "@carillon/protocol";
import type { AppCounts } from "./app-counters.ts";
import type { Channel } from "./channel.ts";
import type { LogEntry } from "./channel-log.ts";
import { Coalescer } from "./coalescer.ts";
import type { ConnectionTable } from "./connection-table.ts";
import type { DeliveryLag } from "./delivery-lag.ts";
import type { Instruments } from "./instruments.ts";
import type { App } from "./ports/apps.ts";
import type { Clock } from "./ports/clock.ts";
import type { Codec } from "./ports/codec.ts";
import type { NodeCounters } from "./ports/metrics.ts";
import type { TopicTree } from "./ports/transport.ts";
import { formatPosition } from "./position.ts";
import type { PresenceChange } from "./presence/member.ts";
import type { Session } from "./session.ts";

/** What a Hub stands on. */
export interface HubOptions extends Instruments {
  readonly topics: TopicTree;
  /** The codecs of all protocols that this node serves. */
  readonly codecs: readonly Codec[];
  readonly connections: ConnectionTable;
  readonly clock: Clock;
  /** Longest time that publications of a busy channel wait to be written together, in ms; 0: not at all. See {@link Coalescer}. */
  readonly coalesceMs: number;
  /** Hears that a subscription has begun or ended. */
  readonly onSubscribersChanged?: (app: App, channel: Channel) => void;
  /** Hears to how many connections that can say so an event was delivered for which receipts are wanted. */
  readonly onReceiptWanted?: (channel: Channel, messageId: string, connections: number) => void;
}

const NOBODY: readonly Session[] = [];

/** A part of a channel's history, for one session. */
export interface ChannelPast {
  readonly epoch: string;
  readonly entries: readonly LogEntry[];
  /** What excludes this connection id, too, is left out. */
  readonly formerId?: string | undefined;
}

interface OutgoingFrame {
  readonly frame: Uint8Array;
  readonly subscribers: number;
  readonly exclude: string;
}

/**
 * Fan-out on this node. A publication is encoded once for each codec that a subscriber of the channel uses, and handed to the
 * topic tree once for each: what it costs grows with the subscribers only inside that native call.
 */
export class Hub {
  readonly #topics: TopicTree;
  readonly #codecs: readonly Codec[];
  readonly #connections: ConnectionTable;
  readonly #counters: NodeCounters;
  readonly #appCounts: AppCounts | undefined;
  readonly #lag: DeliveryLag | undefined;
  readonly #onReceiptWanted: NonNullable<HubOptions["onReceiptWanted"]>;
  readonly #onSubscribersChanged: NonNullable<HubOptions["onSubscribersChanged"]>;
  readonly #coalescer: Coalescer;
  #subscriptions = 0;

  constructor(options: HubOptions) {
    this.#topics = options.topics;
    this.#codecs = options.codecs;
    this.#connections = options.connections;
    this.#counters = options.counters;
    this.#appCounts = options.appCounts;
    this.#lag = options.lag;
    this.#onSubscribersChanged = options.onSubscribersChanged ?? (() => undefined);
    this.#onReceiptWanted = options.onReceiptWanted ?? (() => undefined);
    this.#coalescer = new Coalescer({
      clock: options.clock,
      counters: options.counters,
      windowMs: options.coalesceMs,
      deliver: (channel, envelope, position) => this.#deliver(channel, envelope, position),
    });
  }

  /** Subscriptions that stand on this node: one for each session and channel. */
  get subscriptions(): number {
    return this.#subscriptions;
  }

  /** Lets a session hear a channel from now on. Once per session and channel. */
  join(session: Session, channel: Channel): void {
    this.#coalescer.flush(channel);
    const index = this.#indexOf(session.codec);
    const known = channel.subscribersByCodec;
    // Not `push`, which makes room for seventeen: 130 bytes for each channel.
    const counts = known.length > index ? known : known.concat(new Array(index + 1 - known.length).fill(0));
    counts[index] = (counts[index] as number) + 1;
    channel.subscribersByCodec = counts;
    this.#subscriptions++;
    session.transport.joinTopic(topicOf(session.codec, channel));
    this.#onSubscribersChanged(session.app, channel);
  }

  /** Undoes {@link join}. */
  leave(session: Session, channel: Channel): void {
    this.#coalescer.flush(channel);
    const counts = channel.subscribersByCodec;
    const index = this.#indexOf(session.codec);
    counts[index] = (counts[index] as number) - 1;
    this.#subscriptions--;
    session.transport.leaveTopic(topicOf(session.codec, channel));
    this.#onSubscribersChanged(session.app, channel);
  }

  /**
   * Brings what the bus has handed over to the channel's subscribers on this node, where the channel is busy together with what
   * follows within the coalescing window. `position`: where it stands in the channel's history.
   */
  deliver(channel: Channel, bytes: Uint8Array, position?: string): void {
    this.#coalescer.deliver(channel, bytes, position);
  }

  /** Delivers what waits to be written together with something later, of one channel or of all: it is on its way then. */
  flush(channel?: Channel): void {
    if (channel === undefined) this.#coalescer.flushAll();
    else this.#coalescer.flush(channel);
  }

  /** Delivers what waits, and lets go of the timer. */
  close(): void {
    this.#coalescer.close();
  }

  #deliver(channel: Channel, bytes: Uint8Array, position: string | undefined): void {
    const beganMs = this.#lag?.beginFanOut() ?? 0;
    this.#counters.envelopesIn++;
    const publication = decodeEnvelope(bytes);
    if (publication === null) {
      this.#counters.envelopesUnreadable++;
      return;
    }
    const counts = channel.subscribersByCodec;
    let confirming = 0;
    let reachedInAll = 0;
    for (let index = 0; index < counts.length; index++) {
      const subscribers = counts[index] as number;
      if (subscribers === 0) continue;
      const codec = this.#codecs[index] as Codec;
      const frame = this.#encode(codec, channel, publication, position);
      if (frame === null) continue;
      const reached = this.#deliverIn(codec, channel, { frame, subscribers, exclude: publication.exclude });
      reachedInAll += reached;
      if (codec.isConfirming) confirming += reached;
    }
    if (reachedInAll > 0) {
      this.#lag?.noteDelivered(publication.timeMs, beganMs);
      if (this.#appCounts !== undefined) this.#appCounts.of(channel.appId).deliveries += reachedInAll;
    }
    if (publication.wantsReceipt === true) {
      this.#onReceiptWanted(channel, publication.id, confirming);
    }
  }

  /** Tells the channel's subscribers on this node that publications are lost, and where they stand now, if that is known. */
  announceGap(channel: Channel, position?: string): void {
    this.#coalescer.flush(channel);
    const counts = channel.subscribersByCodec;
    for (let index = 0; index < counts.length; index++) {
      const codec = this.#codecs[index] as Codec;
      const frame = (counts[index] as number) > 0 ? codec.encodeGap(channel.channel, position) : null;
      if (frame !== null) this.#topics.publish(topicOf(codec, channel), frame, codec.isBinary);
    }
  }

  /** Tells the channel's subscribers on this node how many there are in the whole cluster. */
  announceCount(channel: Channel, count: number): void {
    this.#coalescer.flush(channel);
    const counts = channel.subscribersByCodec;
    for (let index = 0; index < counts.length; index++) {
      const codec = this.#codecs[index] as Codec;
      const frame = (counts[index] as number) > 0 ? codec.encodeSubscriberCount(channel.channel, count) : null;
      if (frame !== null) this.#topics.publish(topicOf(codec, channel), frame, codec.isBinary);
    }
  }

  /** Tells the channel's subscribers on this node who came and who left. */
  announcePresence(channel: Channel, change: PresenceChange): void {
    this.#coalescer.flush(channel);
    const counts = channel.subscribersByCodec;
    for (let index = 0; index < counts.length; index++) {
      if (counts[index] === 0) continue;
      const codec = this.#codecs[index] as Codec;
      const topic = topicOf(codec, channel);
      for (const frame of codec.encodePresence(channel.channel, change))
        this.#topics.publish(topic, frame, codec.isBinary);
    }
  }

  /** Publications of a channel's history as frames for one session: encoded once for each codec, however many ask. */
  framesOf(session: Session, channel: Channel, past: ChannelPast): Uint8Array[] {
    const frames: Uint8Array[] = [];
    const { formerId } = past;
    const { codec, connectionId, senderId } = session;
    for (const entry of past.entries) {
      // Thousands may come back at once, each for hundreds of publications: only this is looked at again for each.
      const exclude = envelopeExclude(entry.envelope);
      if (exclude !== "" && (exclude === connectionId || exclude === senderId || exclude === formerId)) continue;
      const known = entry.frames?.get(codec);
      const frame = known === undefined ? this.#encodeEntry(codec, channel, past.epoch, entry) : known;
      if (frame !== null) frames.push(frame);
    }
    return frames;
  }

  #encodeEntry(codec: Codec, channel: Channel, epoch: string, entry: LogEntry): Uint8Array | null {
    const publication = decodeEnvelope(entry.envelope);
    if (publication === null) return null;
    // Who was away when it was published is none of those whose receipts are counted.
    const kept = publication.wantsReceipt === true ? { ...publication, wantsReceipt: undefined } : publication;
    const encoded = this.#encode(codec, channel, kept, formatPosition({ epoch, offset: entry.offset }));
    // A copy: it may be kept for long, and would keep what is around it.
    const frame = encoded === null ? null : new Uint8Array(encoded);
    entry.frames ??= new Map();
    entry.frames.set(codec, frame);
    return frame;
  }

  /** Answers to how many. */
  #deliverIn(codec: Codec, channel: Channel, { frame, subscribers, exclude }: OutgoingFrame): number {
    const topic = topicOf(codec, channel);
    const excluded = exclude === "" ? NOBODY : this.#excluded(codec, channel, exclude);
    if (excluded.length === 0) {
      this.#topics.publish(topic, frame, codec.isBinary);
    } else {
      // One connection can be passed over by the topic tree itself; several of one sender, which are rare, step aside.
      const [first, ...others] = excluded as readonly [Session, ...Session[]];
      for (const { transport } of others) transport.leaveTopic(topic);
      first.transport.publishToOthers(topic, frame, codec.isBinary);
      for (const { transport } of others) transport.joinTopic(topic);
    }
    const reached = subscribers - excluded.length;
    this.#counters.deliveries += reached;
    this.#counters.bytesOut += reached * frame.length;
    return reached;
  }

  /** The subscribers who must not get it. One that is just closing can't publish to the others any more, and gets nothing itself. */
  #excluded(codec: Codec, channel: Channel, exclude: string): readonly Session[] {
    return this.#connections
      .excludedBy(exclude)
      .filter((session) => session.transport.isOpen && session.codec === codec && session.isSubscribed(channel));
  }

  #encode(codec: Codec, { channel }: Channel, publication: Envelope, position: string | undefined): Uint8Array | null {
    try {
      const frame = codec.encodePublication(channel, publication, position);
      this.#counters.publicationsEncoded++;
      return frame;
    } catch {
      // A payload that this codec can't carry, such as one nested too deeply for msgpack. The other codecs' clients get it.
      this.#counters.envelopesUnreadable++;
      return null;
    }
  }

  #indexOf(codec: Codec): number {
    return this.#codecs.indexOf(codec);
  }
}

// Made up anew each time: it costs less than keeping one a channel and codec would cost in memory. Neither a codec's name nor
// an app's id has a colon, so no two topics are the same.
function topicOf(codec: Codec, channel: Channel): string {
  return `${codec.name}:${channel.appId}:${channel.channel}`;
}
