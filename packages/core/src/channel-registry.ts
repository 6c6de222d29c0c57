import { Channel, type ChannelSink } from "./channel.ts";
import type { ChannelLog } from "./channel-log.ts";
import type { Bus } from "./ports/bus.ts";
import type { Clock, Timer } from "./ports/clock.ts";

/** What a ChannelRegistry stands on. */
export interface ChannelRegistryOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  /** Takes what arrives on any channel. */
  readonly sink: ChannelSink;
  /** Hears that the interest in a channel has ended, or never stood. Absent: nobody does. */
  readonly onReleased?: (channel: Channel) => void;
  /** Makes the log of a channel that comes to life; null for one without history. Absent: none has one. */
  readonly createLog?: (appId: string, channel: string) => ChannelLog | null;
  /** How long interest outlives its last subscriber, in ms: a page reload or a reconnect then costs the bus nothing. */
  readonly lingerMs: number;
  /** Most channels that linger at a time; beyond that they are let go at once. */
  readonly maxLingering: number;
  /** Hears a refusal of the bus, which the waiting subscribers hear too. */
  readonly onFailure: (channel: Channel, error: unknown) => void;
}

const SWEEPS_PER_LINGER = 5;

/**
 * This node's interest in channels, counted by reference: the bus is asked when the first subscriber of a channel comes, and
 * left when the last one has been gone for a while.
 *
 * Order of effects on one channel: `bus.subscribe` → `held` → (deliveries) → `bus.unsubscribe`, each at most once for one
 * Channel object. A subscriber who comes after the end gets a new object, so nothing late can undo something new.
 */
export class ChannelRegistry {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #sink: ChannelSink;
  readonly #createLog: (appId: string, channel: string) => ChannelLog | null;
  readonly #lingerMs: number;
  readonly #maxLingering: number;
  readonly #onFailure: (channel: Channel, error: unknown) => void;
  readonly #onReleased: (channel: Channel) => void;
  readonly #channelsByApp = new Map<string, Map<string, Channel>>();
  // Oldest first: all linger equally long. May hold channels that came back to life; they are passed over in their turn.
  #lingerQueue: Channel[] = [];
  #lingering = 0;
  #size = 0;
  readonly #sweeper: Timer;

  constructor(options: ChannelRegistryOptions) {
    this.#bus = options.bus;
    this.#clock = options.clock;
    this.#sink = options.sink;
    this.#createLog = options.createLog ?? (() => null);
    this.#lingerMs = options.lingerMs;
    this.#maxLingering = options.maxLingering;
    this.#onFailure = options.onFailure;
    this.#onReleased = options.onReleased ?? (() => undefined);
    this.#sweeper = this.#clock.every(Math.max(options.lingerMs / SWEEPS_PER_LINGER, 10), () => this.#sweep());
  }

  /** Channels with interest or on their way to it, lingering ones included. */
  get size(): number {
    return this.#size;
  }

  /** Channels whose last subscriber has left a moment ago. */
  get lingering(): number {
    return this.#lingering;
  }

  /** The channel as it stands on this node; undefined when nobody wants it. */
  find(appId: string, name: string): Channel | undefined {
    return this.#channelsByApp.get(appId)?.get(name);
  }

  /** The channels with interest or on their way to it. */
  *all(): Generator<Channel> {
    for (const channels of this.#channelsByApp.values()) yield* channels.values();
  }

  /**
   * Takes a reference. The interest stands when `state` is `held`; else await `whenHeld`, which rejects when the bus
   * refuses. Whatever happens, the caller gives the reference back with {@link release}, once.
   */
  acquire(appId: string, name: string): Channel {
    const channels = this.#channelsOf(appId);
    let channel = channels.get(name);
    if (channel === undefined) {
      channel = new Channel({ appId, channel: name }, this.#sink, this.#createLog(appId, name));
      channels.set(name, channel);
      this.#size++;
      channel.references = 1;
      channel.whenHeld = this.#hold(channel);
      // Each subscriber that waits hears a refusal itself; this keeps one that nobody waits for from ending the process.
      channel.whenHeld.catch(() => undefined);
      return channel;
    }
    if (channel.lingersUntilMs !== 0) {
      channel.lingersUntilMs = 0;
      this.#lingering--;
    }
    channel.references++;
    return channel;
  }

  /** Gives a reference back. After the last one the interest lingers, then ends. */
  release(channel: Channel): void {
    channel.references--;
    if (channel.references > 0 || channel.state !== "held") return;
    this.#linger(channel);
  }

  /** Ends all interest at once, lingering or not. */
  close(): void {
    this.#sweeper.cancel();
    for (const channels of this.#channelsByApp.values()) {
      for (const channel of channels.values()) this.#letGo(channel);
    }
    this.#lingerQueue = [];
    this.#lingering = 0;
  }

  async #hold(channel: Channel): Promise<void> {
    try {
      await this.#bus.subscribe(channel);
    } catch (error) {
      this.#forget(channel);
      this.#onFailure(channel, error);
      throw error;
    }
    channel.whenHeld = null;
    // Closed meanwhile: the bus was told to unsubscribe then.
    if (channel.state === "released") return;
    channel.state = "held";
    // Everybody left while the bus was asked.
    if (channel.references === 0) this.#linger(channel);
  }

  #linger(channel: Channel): void {
    if (this.#lingerMs === 0 || this.#lingering >= this.#maxLingering) {
      this.#letGo(channel);
      return;
    }
    channel.lingersUntilMs = this.#clock.monotonic() + this.#lingerMs;
    this.#lingering++;
    if (channel.isQueued) return;
    channel.isQueued = true;
    this.#lingerQueue.push(channel);
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonic();
    const staying: Channel[] = [];
    for (const channel of this.#lingerQueue) {
      if (channel.lingersUntilMs === 0 || channel.state !== "held") {
        channel.isQueued = false;
      } else if (channel.lingersUntilMs <= nowMs) {
        channel.isQueued = false;
        this.#lingering--;
        this.#letGo(channel);
      } else {
        staying.push(channel);
      }
    }
    this.#lingerQueue = staying;
  }

  #letGo(channel: Channel): void {
    this.#forget(channel);
    this.#bus.unsubscribe(channel);
  }

  #forget(channel: Channel): void {
    if (channel.state === "released") return;
    channel.state = "released";
    this.#onReleased(channel);
    const channels = this.#channelsByApp.get(channel.appId);
    if (channels?.get(channel.channel) !== channel) return;
    channels.delete(channel.channel);
    this.#size--;
    if (channels.size === 0) this.#channelsByApp.delete(channel.appId);
  }

  #channelsOf(appId: string): Map<string, Channel> {
    let channels = this.#channelsByApp.get(appId);
    if (channels === undefined) {
      channels = new Map();
      this.#channelsByApp.set(appId, channels);
    }
    return channels;
  }
}
