import type {
  App,
  AppRegistry,
  Authorizer,
  BlockStore,
  Bus,
  ChannelRules,
  Clock,
  Cluster,
  DeliveryTracer,
  HistoryStore,
  IdSource,
  Instruments,
  WebhookQueue,
} from "@carillon/core";
import type { Logger, PublicServer } from "@carillon/service";
import type { FallbackSettings } from "./fallback/fallback.ts";
import type { LoadSource, OverloadLimits } from "./overload.ts";
import type { Protocol } from "./protocol.ts";
import type { RebalanceSettings } from "./rebalancer.ts";

/** The limits and times of a gateway. */
export interface GatewaySettings {
  /** Most connections of all apps together; further ones get 503. Keep it below the open-file limit. */
  readonly maxConnections: number;
  /** Longest frame of a client that is handled, in bytes. */
  readonly maxFrameBytes: number;
  /** Unsent bytes at which a connection is cut as a slow consumer. */
  readonly maxBackpressureBytes: number;
  /** Silence after which a connection is closed. Whole seconds, 8 to 960. */
  readonly idleTimeoutSeconds: number;
  /** How long interest in a channel outlives its last subscriber here, in ms. */
  readonly lingerMs: number;
  /** Most channels that linger at a time. */
  readonly maxLingeringChannels: number;
  /** Longest time that publications of a busy channel wait to be written together, in ms; 0: not at all. */
  readonly coalesceMs: number;
  /** How long a user whose last connection broke is still on presence channels, in ms. */
  readonly presenceGraceMs: number;
  /** Connections over HTTP, for clients that WebSockets don't reach; null: there are none. */
  readonly fallback: FallbackSettings | null;
  /** Sends clients to gateways that have fewer. Wants a `cluster`. null: all stay where they are. */
  readonly rebalance: RebalanceSettings | null;
  /** From where on nobody is taken in. Wants a `load`. */
  readonly overload: OverloadLimits;
}

/** What a gateway stands on. */
export interface GatewayOptions extends Instruments {
  readonly server: PublicServer;
  readonly bus: Bus;
  /** The store of histories. Absent, as without `rules`: no channel has one. */
  readonly history?: HistoryStore;
  /** Says which channels have a history. */
  readonly rules?: ChannelRules;
  /** Who is kept out. Absent: nobody. */
  readonly blocks?: BlockStore;
  /** The processes of the cluster; is started after the gateway was made. Absent: presence channels tell nobody who is there. */
  readonly cluster?: Cluster;
  /** Takes what applications are to be told. Wants a `cluster`. Absent: they are told nothing. */
  readonly webhooks?: WebhookQueue;
  /** Tells how much the process does and uses. Absent: it is never too much. */
  readonly load?: LoadSource;
  readonly apps: AppRegistry;
  readonly authorizer: Authorizer;
  readonly isOriginAllowed: (app: App, origin: string) => boolean;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Records publications that come with a trace. Absent: nothing is traced. */
  readonly deliveryTracer?: DeliveryTracer;
  readonly log: Logger;
  readonly settings: GatewaySettings;
  /** In the order in which they are asked whether an upgrade is theirs. */
  readonly protocols: readonly Protocol[];
}
