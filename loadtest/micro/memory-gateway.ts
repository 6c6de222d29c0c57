import type { App, ChannelRules, HistoryStore, MemoryBackbone, MemoryBus } from "@carillon/core";
import { startMemoryParts } from "./memory-parts.ts";
import type { MemoryServer } from "./memory-server.ts";
import type { Packages } from "./packages.ts";

/** What a gateway keeps of its channels. */
export interface MemoryHistorySetup {
  readonly history: HistoryStore;
  readonly rules: ChannelRules;
}

/** A whole gateway of one version, on a server and a bus in memory. */
export interface MemoryGateway {
  readonly server: MemoryServer;
  readonly bus: MemoryBus;
  readonly backbone: MemoryBackbone;
  /** The only app. Its clients may be as fast as they like. */
  readonly app: App;
}

const SETTINGS = {
  maxConnections: 1_000_000,
  maxFrameBytes: 65_536,
  maxBackpressureBytes: 1_048_576,
  idleTimeoutSeconds: 120,
  // What is let go of is let go of at once: lingering would only put it off into another measurement.
  lingerMs: 0,
  maxLingeringChannels: 1000,
  // What is measured is the work, not the waiting.
  coalesceMs: 0,
  presenceGraceMs: 3000,
  fallback: null,
  rebalance: null,
  overload: { maxEventLoopLagMs: 1000, maxMemoryPercent: 85, maxMemoryBytes: 0, maxOpenFilesPercent: 95 },
};

/** Starts one. `setup`: makes the store of histories over the gateway's backbone; absent: no channel has one. */
export async function startMemoryGateway(
  packages: Packages,
  setup?: (backbone: MemoryBackbone) => MemoryHistorySetup,
): Promise<MemoryGateway> {
  const { core, service, backbone, cluster, shared } = await startMemoryParts(packages, true);
  const { Gateway, nativeProtocol, pusherProtocol } = await packages.gateway();
  const { DEV_APP } = service;
  const { bus, clock, server } = shared;
  const settings = { ...DEV_APP, limits: { ...DEV_APP.limits, commandsPerSecond: 0, channelsPerConnection: 0 } };
  const apps = new service.ConfiguredApps({ settings: [settings] });
  // It works by what reaches it; nobody has to hold on to it.
  new Gateway({
    ...shared,
    cluster,
    blocks: new core.MemoryBlockStore({ clock }),
    ...setup?.(backbone),
    apps,
    authorizer: service.createAuthorizer({ clock }),
    isOriginAllowed: () => true,
    settings: SETTINGS,
    protocols: [nativeProtocol, pusherProtocol],
  });
  await cluster.start();
  return { server, bus, backbone, app: apps.first };
}
