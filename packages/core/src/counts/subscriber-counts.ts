import { channelKind, isServerChannel } from "@carillon/protocol";
import type { Channel } from "../channel.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { App } from "../ports/apps.ts";
import type { Bus } from "../ports/bus.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import { decodeCountAnnouncement, encodeCountAnnouncement, isCount } from "./count-announcement.ts";
import { CountedChannel } from "./counted-channel.ts";

/** What a SubscriberCounts stands on. */
export interface SubscriberCountsOptions {
  readonly bus: Pick<Bus, "publish" | "onStatus" | "onDoubt">;
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** Tells the subscribers of a channel on this node how many there are. */
  readonly tell: (channel: Channel, count: number) => void;
}

/** What nodes tell each other outside of a channel's subject: rows of `[app id, channel, count, version, wantsReply]`. */
const COUNTS = "subscriber-counts";

/** Rows in one message: far below what one may have. */
const ROWS_PER_MESSAGE = 50;

/** From how many subscribers on a channel is told in batches; Pusher's documented limit. */
const MANY = 100;

/** Between two tellings to the subscribers of a channel, and to the other nodes, in ms: with few subscribers, and with many. */
const EVERY_MS = 50;
const EVERY_MS_WITH_MANY = 5000;

/** A node that was heard of on a channel, and that the cluster doesn't know after so long, is dead, in ms. */
const UNKNOWN_MS = 5000;

/** How long after a doubt the servers of the bus are together again for certain, in ms. */
const DOUBT_MS = 2000;

/** Most channels whose end is still to be told when the bus is back. */
const MAX_UNSAID = 100_000;

/** How long the others have to say their numbers anew before the subscribers are told, in ms. */
const REPLIES_MS = 500;

/** Between two slices of what is said again after the bus was away, in ms, and channels in one. */
const AGAIN_EVERY_MS = 100;
const AGAIN_CHANNELS = 500;

/**
 * How many connections are subscribed to a channel, over the cluster. Each node announces its own number on the channel's
 * subject when it changes, so exactly those hear it who have subscribers too, and nobody is asked: the first announcement
 * of a node on a channel makes the others answer with theirs. What a node says replaces what it said before, and goes with
 * it. Presence channels know better, and are left out.
 */
export class SubscriberCounts {
  readonly #options: SubscriberCountsOptions;
  readonly #channels = new Map<Channel, CountedChannel>();
  readonly #byName = new Map<string, CountedChannel>();
  /** Nodes that were heard of before the cluster knew them, or after it let them go. */
  readonly #unknown = new Map<string, Timer>();
  /** Channels without interest here of which the others may not know that nobody is left. */
  readonly #unsaid = new Set<CountedChannel>();
  readonly #stops: readonly (() => void)[];
  #repeating: Timer | null = null;
  #version = 0;

  constructor(options: SubscriberCountsOptions) {
    this.#options = options;
    const { bus, cluster } = options;
    cluster.handle(COUNTS, (from, body) => this.#takeRows(from, body));
    this.#stops = [
      cluster.onGone(({ id }) => this.#drop(id)),
      cluster.onAppeared(({ id }, wasLost) => {
        // What it had said is forgotten here alone, so it is asked for that.
        if (wasLost) this.#tellRows([...this.#channels.values()], id, true);
      }),
      bus.onStatus((status) => {
        if (status === "connected") this.#repeatIn(0);
      }),
      bus.onDoubt(() => this.#repeatIn(DOUBT_MS)),
    ];
  }

  /** A subscription to a channel has begun or ended here. */
  changed(app: App, channel: Channel): void {
    let counted = this.#channels.get(channel);
    if (counted === undefined) {
      if (!app.settings.subscriptionCount || !isCounted(channel) || channel.subscribers === 0) return;
      counted = new CountedChannel(channel);
      this.#channels.set(channel, counted);
      this.#byName.set(keyOf(channel.appId, channel.channel), counted);
      this.#announce(counted, true);
    } else {
      this.#requestAnnouncement(counted);
    }
    this.#requestTelling(counted);
  }

  /** Takes in what the bus brought on a channel's subject that is no event. */
  receive(channel: Channel, bytes: Uint8Array): void {
    const announcement = decodeCountAnnouncement(bytes);
    const counted = this.#channels.get(channel);
    if (announcement === null || counted === undefined) return;
    const { nodeId, wantsReply } = announcement;
    const { cluster } = this.#options;
    if (nodeId === cluster.nodeId) return;
    this.#suspect(nodeId);
    if (counted.heard(nodeId, announcement)) this.#requestTelling(counted);
    if (wantsReply) this.#tellRows([counted], nodeId, false);
  }

  /** The interest in a channel has ended. */
  release(channel: Channel): void {
    const counted = this.#channels.get(channel);
    if (counted === undefined) return;
    counted.cancel();
    this.#channels.delete(channel);
    const key = keyOf(channel.appId, channel.channel);
    if (this.#byName.get(key) === counted) this.#byName.delete(key);
    if (counted.announced > 0 || counted.isAnnouncementWanted) this.#announce(counted, false);
  }

  /** Lets go of all timers and listeners. What this node announced goes when the cluster notices that it has gone. */
  close(): void {
    for (const stop of this.#stops) stop();
    this.#repeating?.cancel();
    for (const timer of this.#unknown.values()) timer.cancel();
    for (const counted of this.#channels.values()) counted.cancel();
    this.#unknown.clear();
    this.#channels.clear();
    this.#byName.clear();
  }

  #requestAnnouncement(counted: CountedChannel): void {
    if (counted.announcing !== null) return;
    const waitMs = this.#waitMs(counted, counted.announcedAtMs);
    counted.announcing = this.#options.clock.after(waitMs, () => {
      const isKnown = counted.channel.subscribers === counted.announced && !counted.isAnnouncementWanted;
      if (isKnown) counted.announcing = null;
      else this.#announce(counted, false);
    });
  }

  #requestTelling(counted: CountedChannel): void {
    if (counted.telling === null) this.#tellIn(counted, this.#waitMs(counted, counted.toldAtMs));
  }

  #tellIn(counted: CountedChannel, waitMs: number): void {
    counted.telling?.cancel();
    counted.telling = this.#options.clock.after(waitMs, () => {
      counted.telling = null;
      counted.toldAtMs = this.#options.clock.monotonic();
      if (counted.channel.subscribers > 0) this.#options.tell(counted.channel, counted.total);
    });
  }

  #waitMs(counted: CountedChannel, lastMs: number): number {
    const everyMs = counted.total > MANY ? EVERY_MS_WITH_MANY : EVERY_MS;
    return Math.max(lastMs + everyMs - this.#options.clock.monotonic(), 0);
  }

  #announce(counted: CountedChannel, wantsReply: boolean): void {
    const { bus, cluster, clock } = this.#options;
    counted.announcing?.cancel();
    counted.announcing = null;
    counted.announcedAtMs = clock.monotonic();
    counted.isAnnouncementWanted = false;
    this.#version++;
    counted.announced = counted.channel.subscribers;
    const announcement = { nodeId: cluster.nodeId, count: counted.announced, version: this.#version, wantsReply };
    bus.publish(counted.channel, encodeCountAnnouncement(announcement)).catch(() => {
      counted.isAnnouncementWanted = true;
      // What is still here is said again when the bus is back anyway.
      if (this.#channels.get(counted.channel) !== counted) this.#noteUnsaid(counted);
    });
  }

  #noteUnsaid(counted: CountedChannel): void {
    this.#unsaid.add(counted);
    const [oldest] = this.#unsaid;
    // Beyond that the others keep a number that is too high until this node or their channel goes.
    if (this.#unsaid.size > MAX_UNSAID && oldest !== undefined) this.#unsaid.delete(oldest);
  }

  /** Something may have been lost: says all of it again, and asks for the others' numbers, a part at a time. */
  #repeatIn(waitMs: number): void {
    this.#repeating?.cancel();
    this.#repeating = this.#options.clock.after(waitMs, () => {
      // What a repeat that this one replaces had yet to say of channels that are gone is among the unsaid still.
      this.#repeat([...this.#channels.values(), ...this.#unsaid]);
    });
  }

  #repeat(counted: CountedChannel[]): void {
    this.#repeating = null;
    for (const each of counted.splice(0, AGAIN_CHANNELS)) this.#sayAgain(each);
    if (counted.length === 0) return;
    this.#repeating = this.#options.clock.after(AGAIN_EVERY_MS, () => this.#repeat(counted));
  }

  #sayAgain(counted: CountedChannel): void {
    const { channel } = counted;
    if (this.#channels.get(channel) === counted) {
      counted.doubt();
      this.#announce(counted, true);
      this.#tellIn(counted, REPLIES_MS);
      return;
    }
    // One that has come back to life says its number itself.
    if (this.#unsaid.delete(counted) && !this.#byName.has(keyOf(channel.appId, channel.channel))) {
      this.#announce(counted, false);
    }
  }

  /** Tells a node how many subscribers there are here; where the same is wanted of it, also of channels that have none. */
  #tellRows(channels: readonly CountedChannel[], nodeId: string, wantsReply: boolean): void {
    const rows: (readonly unknown[])[] = [];
    for (const counted of channels) {
      const { channel, announced } = counted;
      // Now this node knows another number than all others: should that one be right again when it is time to announce, it
      // has to be said all the same.
      if (channel.subscribers !== announced) counted.isAnnouncementWanted = true;
      if (wantsReply || channel.subscribers > 0) rows.push(this.#rowOf(counted, wantsReply));
    }
    for (let from = 0; from < rows.length; from += ROWS_PER_MESSAGE) {
      this.#options.cluster.tell(COUNTS, rows.slice(from, from + ROWS_PER_MESSAGE), nodeId);
    }
  }

  #rowOf({ channel }: CountedChannel, wantsReply: boolean): readonly unknown[] {
    this.#version++;
    return [channel.appId, channel.channel, channel.subscribers, this.#version, wantsReply];
  }

  #takeRows(nodeId: string, body: unknown): undefined {
    if (!Array.isArray(body)) return;
    this.#suspect(nodeId);
    const asked: CountedChannel[] = [];
    for (const row of body) {
      const [appId, channel, count, version, wantsReply] = Array.isArray(row) ? (row as readonly unknown[]) : [];
      const counted = this.#byName.get(keyOf(String(appId), String(channel)));
      if (counted === undefined || !isCount(count) || !isCount(version)) continue;
      if (counted.heard(nodeId, { count, version })) this.#requestTelling(counted);
      if (wantsReply === true) asked.push(counted);
    }
    this.#tellRows(asked, nodeId, false);
  }

  /** What a node said that the cluster doesn't know counts, as it may have just begun; but not for ever. */
  #suspect(nodeId: string): void {
    const { cluster, clock } = this.#options;
    const isKnown = () => cluster.nodes.some(({ id }) => id === nodeId);
    if (this.#unknown.has(nodeId) || isKnown()) return;
    this.#unknown.set(
      nodeId,
      clock.after(UNKNOWN_MS, () => {
        this.#unknown.delete(nodeId);
        if (!isKnown()) this.#drop(nodeId);
      }),
    );
  }

  #drop(nodeId: string): void {
    for (const counted of this.#channels.values()) if (counted.drop(nodeId)) this.#requestTelling(counted);
  }
}

function isCounted({ channel }: Channel): boolean {
  return channelKind(channel) !== "presence" && !isServerChannel(channel);
}

// App ids have no slash.
function keyOf(appId: string, channel: string): string {
  return `${appId}/${channel}`;
}
