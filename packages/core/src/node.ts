import { accept, type CloseCodeName } from "@carillon/protocol";
import type { Channel } from "./channel.ts";
import { ChannelRegistry } from "./channel-registry.ts";
import { ConnectionTable } from "./connection-table.ts";
import { EventPublisher } from "./event-publisher.ts";
import { ExpiryWheel } from "./expiry-wheel.ts";
import { Hub } from "./hub.ts";
import type { App } from "./ports/apps.ts";
import type { Authorizer } from "./ports/authorizer.ts";
import type { Bus } from "./ports/bus.ts";
import type { Clock } from "./ports/clock.ts";
import type { Codec } from "./ports/codec.ts";
import type { IdSource } from "./ports/ids.ts";
import type { NodeCounters } from "./ports/metrics.ts";
import type { TopicTree } from "./ports/transport.ts";
import { Session, type SessionOptions } from "./session.ts";

/** What the sessions of a node share. */
export interface NodeServices {
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly connections: ConnectionTable;
  readonly channels: ChannelRegistry;
  readonly hub: Hub;
  readonly events: EventPublisher;
  /** Sessions by when they end unless a (newer) connection token comes. */
  readonly expiries: ExpiryWheel<Session>;
}

/** What a Node stands on. */
export interface NodeOptions {
  readonly bus: Bus;
  readonly topics: TopicTree;
  /** The codecs of all protocols that the node serves. */
  readonly codecs: readonly Codec[];
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly counters: NodeCounters;
  /** How long interest in a channel outlives its last subscriber here, in ms. */
  readonly lingerMs: number;
  /** Most channels that linger at a time. */
  readonly maxLingeringChannels: number;
  /** Hears when the bus refused interest in a channel. */
  readonly onInterestFailed: (channel: Channel, error: unknown) => void;
}

/** A session, or the close code that says why there is none. */
export type OpenResult =
  | { readonly ok: true; readonly value: Session }
  | { readonly ok: false; readonly close: CloseCodeName };

/** The domain of one gateway: its sessions, its channels, and the fan-out between them. */
export class Node {
  readonly services: NodeServices;
  readonly #counters: NodeCounters;

  constructor(options: NodeOptions) {
    const { bus, clock, ids, counters } = options;
    const connections = new ConnectionTable(ids.nodeNumber);
    const hub = new Hub({ topics: options.topics, codecs: options.codecs, connections, counters });
    const channels = new ChannelRegistry({
      bus,
      clock,
      sink: (channel, envelope) => hub.deliver(channel, envelope),
      lingerMs: options.lingerMs,
      maxLingering: options.maxLingeringChannels,
      onFailure: options.onInterestFailed,
    });
    const events = new EventPublisher({ bus, clock, ids, counters });
    const expiries = new ExpiryWheel<Session>({ clock, onExpired: (session) => session.onTokenDue() });
    this.services = { clock, authorizer: options.authorizer, connections, channels, hub, events, expiries };
    this.#counters = counters;
  }

  /** Opens a session, where its app and the app's limits allow one. */
  openSession(options: SessionOptions): OpenResult {
    const { app } = options;
    const refusal = this.#refusalOf(app);
    if (refusal !== null) return { ok: false, close: refusal };
    const session = new Session(this.services, options);
    this.services.connections.add(session);
    this.#counters.connectionsOpened++;
    return accept(session);
  }

  /** Closes the sessions of apps that have been disabled or removed. `isServed` says which ones still are. */
  endUnserved(isServed: (app: App) => boolean): void {
    for (const session of this.services.connections.all()) {
      if (!isServed(session.app)) session.end("app_disabled");
    }
  }

  /** Lets go of all interest and timers. Sessions must have ended before. */
  close(): void {
    this.services.channels.close();
    this.services.expiries.close();
  }

  #refusalOf(app: App): CloseCodeName | null {
    if (!app.settings.enabled) return "app_disabled";
    const { connections } = app.settings.limits;
    return connections !== 0 && this.services.connections.countOf(app) >= connections ? "connection_limit" : null;
  }
}
