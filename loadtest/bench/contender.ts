import type { Target } from "./generator/messages.ts";
import type { ServerProcess } from "./server-process.ts";

/** Other servers, for `make bench-peers`: Carillon doesn't depend on them; loadtest/peers installs and starts them. */
export const PEERS = [
  "ws",
  "socketio",
  "socketio-uws",
  "socketio-redis",
  "soketi",
  "centrifugo",
  "centrifugo-nats",
] as const;

/** Name of a peer. */
export type PeerName = (typeof PEERS)[number];

/**
 * Name of what can be measured. `carillon-exact` and `carillon-partition` are Carillon with one kind of interest instead of one that it
 * chooses by itself; `carillon-apps` is Carillon with a thousand apps; `carillon-workers` is Carillon whose gateway is two processes on
 * one port; `carillon-dev` is Carillon in one process, without NATS; `carillon-sse` and `carillon-poll` are Carillon whose clients come
 * over HTTP instead of WebSockets.
 */
export type ContenderName =
  | "bare"
  | "bridge"
  | "least"
  | "carillon"
  | "carillon-exact"
  | "carillon-partition"
  | "carillon-apps"
  | "carillon-workers"
  | "carillon-dev"
  | "carillon-sse"
  | "carillon-poll"
  | PeerName;

/** True for the name of a peer. */
export function isPeer(name: ContenderName): name is PeerName {
  return PEERS.some((peer) => peer === name);
}

/** A process that holds connections. */
export interface GatewayProcess {
  readonly process: ServerProcess;
  readonly socketPort: number;
  /** Where its metrics are; null for one that has none. */
  readonly adminPort: number | null;
}

/** A contender with its processes, running. */
export interface RunningContender extends AsyncDisposable {
  readonly name: ContenderName;
  readonly target: Target;
  /** Every process of it, nats-server included, the gateway first. */
  readonly processes: readonly ServerProcess[];
  /** The process that holds the connections; with several, the first, which `target` leads to. */
  readonly gateway: ServerProcess;
  readonly gateways: readonly GatewayProcess[];
  /** Processes that the gateway has started for itself, by their ids; mostly none. */
  readonly workerPids: readonly number[];
  /** Addresses of its nats-servers, with commas between; "" when it has none. */
  readonly natsUrls: string;
  /** Where the gateway's inspector listens; null when the scenario doesn't want one. */
  readonly inspectorPort: number | null;
}
