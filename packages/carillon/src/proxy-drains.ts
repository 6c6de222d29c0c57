import type { Cluster } from "@carillon/core";
import type { Gateway } from "@carillon/gateway";
import type { NatsBus } from "@carillon/nats";
import type { Logger } from "@carillon/service";

/** Who answers `carillon drain`. */
export interface ProxyDrainAnswerer {
  /** null: nobody can ask. */
  readonly natsBus: NatsBus | null;
  readonly gateway: Gateway;
  readonly cluster: Pick<Cluster, "nodeId" | "nodes">;
  readonly log: Logger;
}

/** From now on operators can have this gateway's clients come back through another proxy. Returns the act that ends it. */
export function answerProxyDrains({ natsBus, gateway, cluster, log }: ProxyDrainAnswerer): () => void {
  if (natsBus === null) return () => undefined;
  return natsBus.proxyDrains.listen((request) => {
    const connections = gateway.drainProxy(request);
    const { via, spreadMs, isDryRun } = request;
    if (!isDryRun && connections > 0) log.info("proxy_drain", { via, spreadMs, connections });
    const gateways = cluster.nodes.filter(({ isGateway }) => isGateway).map(({ id }) => id);
    return { nodeId: cluster.nodeId, gateways: [...gateways, cluster.nodeId], connections };
  });
}
