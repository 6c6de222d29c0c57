import type * as Core from "@carillon/core";
import type * as Service from "@carillon/service";
import { MemoryServer } from "./memory-server.ts";
import type { Packages } from "./packages.ts";

/** What a gateway and a publisher of one version stand on, all of it in memory. */
export type MemoryParts = Awaited<ReturnType<typeof startMemoryParts>>;

/** Makes them. `shared` is what both of their constructors take. */
export async function startMemoryParts(packages: Packages, isGateway: boolean) {
  const core: typeof Core = await packages.core();
  const service: typeof Service = await packages.service();
  const { systemClock: clock } = service;
  const ids = service.randomIds();
  const server = new MemoryServer();
  const backbone = new core.MemoryBackbone({ clock });
  const bus = new core.MemoryBus(backbone);
  const cluster = new core.ClusterMembership({
    link: new core.MemoryClusterLink(new core.MemoryClusterBackbone()),
    bus,
    clock,
    nodeId: String(ids.nodeNumber),
    isGateway,
    connectionsByApp: () => new Map(),
    isAccepting: () => isGateway,
    onBug: (error) => {
      throw error;
    },
  });
  const shared = {
    server,
    bus,
    clock,
    ids,
    counters: core.createNodeCounters(),
    appCounts: new core.AppCounts(),
    lag: new core.DeliveryLag(clock),
    log: service.createSilentLogger(),
  };
  return { core, service, backbone, cluster, shared };
}
