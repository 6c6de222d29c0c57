import type { Channel } from "./channel.ts";
import type { Cluster } from "./cluster/cluster.ts";
import type { Instruments } from "./instruments.ts";
import type { AppRegistry } from "./ports/apps.ts";
import type { Authorizer } from "./ports/authorizer.ts";
import type { BlockStore } from "./ports/block-store.ts";
import type { Bus } from "./ports/bus.ts";
import type { ChannelRules } from "./ports/channel-rules.ts";
import type { Clock } from "./ports/clock.ts";
import type { Codec } from "./ports/codec.ts";
import type { HistoryStore } from "./ports/history-store.ts";
import type { IdSource } from "./ports/ids.ts";
import type { DeliveryTracer } from "./ports/tracer.ts";
import type { TopicTree } from "./ports/transport.ts";
import type { WebhookQueue } from "./ports/webhook-queue.ts";

/** How a node tells applications what happens. */
export interface NodeWebhooks {
  readonly queue: Pick<WebhookQueue, "enqueue">;
  readonly apps: Pick<AppRegistry, "byId" | "all">;
  /** Hears when the queue begins to refuse events. */
  readonly onRefused: (error: unknown) => void;
}

/** What a Node stands on. */
export interface NodeOptions extends Instruments {
  readonly bus: Bus;
  /** The store of histories. Absent, as without `rules`: no channel has one. */
  readonly history?: HistoryStore;
  /** Says which channels have a history. */
  readonly rules?: ChannelRules;
  /**
   * Most bytes of envelopes that are read of a channel's past for those who subscribe, about as many as a connection can be written at once:
   * whoever has missed more can't be caught up. What the bus has lost is read in pieces of as many. Absent: no bound.
   */
  readonly maxPastBytes?: number;
  /** Who is kept out; absent: nobody. */
  readonly blocks?: BlockStore;
  /** The processes of the cluster; must not have started. Absent: nobody is told who is on presence channels. */
  readonly cluster?: Cluster;
  /** How long a user whose last connection broke is still on presence channels, in ms. */
  readonly presenceGraceMs?: number;
  /** Wants a `cluster`. Absent: no app is told of anything. */
  readonly webhooks?: NodeWebhooks;
  readonly topics: TopicTree;
  /** The codecs of all protocols that the node serves. */
  readonly codecs: readonly Codec[];
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Records publications that come with a trace. Absent: nothing is traced. What clients publish begins no trace. */
  readonly deliveryTracer?: DeliveryTracer;
  /** How long interest in a channel outlives its last subscriber here, in ms. */
  readonly lingerMs: number;
  /** Most channels that linger at a time. */
  readonly maxLingeringChannels: number;
  /** Longest time that publications of a busy channel wait to be written together, in ms; 0: not at all. */
  readonly coalesceMs: number;
  /** Hears when the bus refused interest in a channel. */
  readonly onInterestFailed: (channel: Channel, error: unknown) => void;
  /** Hears when reads of histories begin to fail: once, until one succeeds. */
  readonly onHistoryFailed?: (channel: Channel, error: unknown) => void;
}
