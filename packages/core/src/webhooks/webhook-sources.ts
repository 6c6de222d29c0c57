import { channelKind, isClientEventName, payloadText } from "@carillon/protocol";
import type { Channel } from "../channel.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { App, AppRegistry } from "../ports/apps.ts";
import type { Bus } from "../ports/bus.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { WebhookQueue } from "../ports/webhook-queue.ts";
import type { Member } from "../presence/member.ts";
import type { Session } from "../session.ts";
import { Occupancy } from "./occupancy.ts";
import type { OccupancyKey, Told } from "./occupancy-key.ts";
import type { Decision } from "./occupancy-ledger.ts";
import { createSourceCounters, type SourceCounters } from "./source-counters.ts";
import type { WebhookEvent, WebhookEventName } from "./webhook-event.ts";
import { isWanted } from "./webhook-filter.ts";
import { WebhookOutbox } from "./webhook-outbox.ts";

/** What WebhookSources stand on. */
export interface WebhookSourcesOptions {
  readonly queue: Pick<WebhookQueue, "enqueue">;
  readonly apps: Pick<AppRegistry, "byId" | "all">;
  /** Must not have started. */
  readonly cluster: Cluster;
  readonly bus: Pick<Bus, "status" | "onStatus">;
  readonly clock: Clock;
  readonly random: () => number;
  /** Hears when the queue begins to refuse events. */
  readonly onRefused: (error: unknown) => void;
}

/** A subscription as webhooks see it. */
export interface Occupant {
  readonly channel: Channel;
  readonly member: Member | null;
}

/** A client event on its way to the bus. */
export interface SentClientEvent {
  readonly channel: string;
  readonly event: string;
  /** Need not stay as it is. */
  readonly payload: Uint8Array;
  /** Who sends it, where the connection is somebody on the channel. */
  readonly member: Member | null;
}

/** As Pusher: nobody must be there for so long. A client that reconnects is not told of. */
const GRACE_MS = 3000;
/** A cache channel that stays empty is told of again after this. */
const MISS_EVERY_MS = 60_000;
const MAX_MISSES = 10_000;
/** Who comes and goes is told while fewer events than this wait for the queue: half of what may, the rest is for what can't wait elsewhere. */
const DECIDED_BELOW = 5000;
/** New endpoints are told what is occupied while fewer events than this wait for the queue, and after such a pause again. */
const WELCOME_BELOW = 1000;
const WELCOME_PAUSE_MS = 100;

const CHANNEL_EVENTS: readonly WebhookEventName[] = ["channel_occupied", "channel_vacated", "subscription_count"];
const COUNT_EVENTS: readonly WebhookEventName[] = ["subscription_count"];
const MEMBER_EVENTS: readonly WebhookEventName[] = ["member_added", "member_removed"];

/**
 * Where the events of webhooks come from, whatever protocol a client speaks. Each of its doors looks at the app's settings
 * first, so that an app without webhooks costs one comparison. Nothing of it is done for a delivery.
 */
export class WebhookSources {
  readonly counters: SourceCounters = createSourceCounters();
  readonly #options: WebhookSourcesOptions;
  readonly #outbox: WebhookOutbox;
  readonly #occupancy: Occupancy;
  /** The ids of the endpoints that each app had at the last look. */
  #endpoints: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  readonly #welcomes = new Set<Timer>();
  #counts = 0;
  /** When a cache channel was told to be empty, by app and channel; oldest first. */
  readonly #misses = new Map<string, number>();
  /** What this node counts of each subscription, so that what is taken back is what was given. */
  readonly #counted = new WeakMap<Occupant, readonly OccupancyKey[]>();

  constructor(options: WebhookSourcesOptions) {
    const { queue, cluster, bus, clock, random, onRefused } = options;
    this.#options = options;
    this.#outbox = new WebhookOutbox({ queue, clock, random, counters: this.counters, onRefused });
    this.#occupancy = new Occupancy({
      cluster,
      bus,
      clock,
      graceMs: GRACE_MS,
      wantsCount: (key) => this.#wantsCount(key),
      hasRoom: () => this.#outbox.waiting < DECIDED_BELOW,
      onDecision: (decision) => this.#onDecision(decision),
    });
    this.#newcomers();
  }

  /** Events that wait for the queue. */
  get waiting(): number {
    return this.#outbox.waiting;
  }

  /** A subscription stands. Once for each; `occupant` is what names it in {@link left}. */
  joined({ settings }: App, occupant: Occupant): void {
    if (settings.webhooks.length === 0) return;
    const { channel, member } = occupant;
    const address = { appId: channel.appId, channel: channel.channel };
    const keys: OccupancyKey[] = [];
    if (isWanted(settings, CHANNEL_EVENTS, channel.channel)) keys.push({ ...address, userId: null });
    if (member !== null && isWanted(settings, MEMBER_EVENTS, channel.channel))
      keys.push({ ...address, userId: member.id });
    if (keys.length === 0) return;
    this.#counted.set(occupant, keys);
    for (const key of keys) this.#occupancy.change(key, 1, this.#wantsCount(key));
  }

  /** It stands no more. */
  left(occupant: Occupant): void {
    const keys = this.#counted.get(occupant);
    if (keys === undefined) return;
    this.#counted.delete(occupant);
    for (const key of keys) this.#occupancy.change(key, -1, this.#wantsCount(key));
  }

  /** The settings have changed: what stands is counted by what is wanted now, and new endpoints hear what is occupied. */
  recount(sessions: Iterable<Session>): void {
    const newcomers = this.#newcomers();
    if (newcomers.size > 0) this.#welcome(newcomers, this.#occupancy.occupied());
    for (const session of sessions) {
      for (const subscription of session.standing()) {
        this.left(subscription);
        this.joined(session.app, subscription);
      }
    }
  }

  /** A client publishes an event: what to call with its message id when the bus has taken it; null when nobody wants to know. */
  clientEvent({ app, connectionId }: Session, sent: SentClientEvent): ((messageId: string) => void) | null {
    if (app.settings.webhooks.length === 0 || !isClientEventName(sent.event)) return null;
    if (!isWanted(app.settings, ["client_event"], sent.channel)) return null;
    const { channel, event, member } = sent;
    const user = member === null ? {} : { user_id: member.id };
    const data = payloadText(sent.payload);
    return (messageId) => {
      this.#outbox.tell(app, messageId, {
        name: "client_event",
        channel,
        event,
        data,
        socket_id: connectionId,
        ...user,
      });
    };
  }

  /** Somebody has subscribed to a cache channel that has no event. */
  cacheMissed(app: App, channel: string): void {
    if (!isWanted(app.settings, ["cache_miss"], channel)) return;
    const { clock } = this.#options;
    const nowMs = clock.now();
    const key = `${app.id}/${channel}`;
    // The same on every gateway, so that the queue keeps one of them.
    const period = Math.floor(nowMs / MISS_EVERY_MS);
    if (this.#misses.get(key) === period) return;
    this.#misses.delete(key);
    this.#misses.set(key, period);
    if (this.#misses.size > MAX_MISSES)
      for (const oldest of this.#misses.keys()) {
        this.#misses.delete(oldest);
        break;
      }
    this.#outbox.tell(app, `miss-${period}-${hashOf(key)}`, { name: "cache_miss", channel });
  }

  /** Tells nothing more; resolves when the queue has what waits, at the latest after `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    this.#occupancy.close();
    for (const timer of this.#welcomes) timer.cancel();
    await this.#outbox.close(timeoutMs);
  }

  #onDecision(decision: Decision): void {
    const { key } = decision;
    const app = this.#options.apps.byId(key.appId);
    if (app === null) return;
    if (decision.kind === "count") {
      const id = `count-${this.#options.cluster.nodeId}-${this.#options.clock.now()}-${++this.#counts}`;
      this.#outbox.tell(app, id, {
        name: "subscription_count",
        channel: key.channel,
        subscription_count: decision.count,
      });
      return;
    }
    this.#outbox.tell(app, idOf(decision.told), eventOf(key, decision.told.isOccupied));
  }

  /** Apps with endpoints that they didn't have at the last look, and with those alone. */
  #newcomers(): ReadonlyMap<string, App> {
    const before = this.#endpoints;
    const { all } = this.#options.apps;
    this.#endpoints = new Map(all.map(({ id, settings }) => [id, new Set(settings.webhooks.map((each) => each.id))]));
    const newcomers = new Map<string, App>();
    for (const { id, settings } of all) {
      const webhooks = settings.webhooks.filter((endpoint) => before.get(id)?.has(endpoint.id) !== true);
      if (webhooks.length > 0) newcomers.set(id, { id, settings: { ...settings, webhooks } });
    }
    return newcomers;
  }

  /** Tells them what was told to others before they were there; slowly where that is much, so that nothing is dropped for it. */
  #welcome(newcomers: ReadonlyMap<string, App>, occupied: ReturnType<Occupancy["occupied"]>): void {
    while (this.#outbox.waiting < WELCOME_BELOW) {
      const next = occupied.next();
      if (next.done === true) return;
      const { key, told } = next.value;
      const app = newcomers.get(key.appId);
      if (app !== undefined) this.#outbox.tell(app, idOf(told), eventOf(key, true));
    }
    const timer = this.#options.clock.after(WELCOME_PAUSE_MS, () => {
      this.#welcomes.delete(timer);
      this.#welcome(newcomers, occupied);
    });
    this.#welcomes.add(timer);
  }

  #wantsCount({ appId, channel, userId }: OccupancyKey): boolean {
    if (userId !== null || channelKind(channel) === "presence") return false;
    const app = this.#options.apps.byId(appId);
    return app !== null && isWanted(app.settings, COUNT_EVENTS, channel);
  }
}

function idOf({ epoch, n }: Told): string {
  return `${epoch}-${n}`;
}

function eventOf({ channel, userId }: OccupancyKey, isOccupied: boolean): WebhookEvent {
  if (userId === null) return { name: isOccupied ? "channel_occupied" : "channel_vacated", channel };
  return { name: isOccupied ? "member_added" : "member_removed", channel, user_id: userId };
}

/** Twice FNV-1a (32 bits), from either end: 64 bits tell the channels of a minute apart. */
function hashOf(text: string): string {
  let left = 0x811c9dc5;
  let right = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    left = Math.imul(left ^ text.charCodeAt(at), 0x01000193);
    right = Math.imul(right ^ text.charCodeAt(text.length - 1 - at), 0x01000193);
  }
  return (left >>> 0).toString(36) + (right >>> 0).toString(36);
}
