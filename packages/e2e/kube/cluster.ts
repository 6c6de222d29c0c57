import type { ApiServer } from "./api-server.ts";
import { ClusterDns } from "./cluster-dns.ts";
import { ControlPlane } from "./control-plane.ts";
import { CustomMetrics } from "./custom-metrics.ts";
import { collectExecutables } from "./image-table.ts";
import type { ServiceObject } from "./kube-objects.ts";
import { NodeAgent } from "./node-agent.ts";
import { PodNetwork } from "./pod-network.ts";
import { ServiceProxy } from "./service-proxy.ts";
import { ServiceTable } from "./service-table.ts";

/** How large a cluster is. */
export interface ClusterOptions {
  /** Default: 3. */
  readonly nodes?: number;
}

/** What a cluster is made of, in the order in which it was started. */
interface Parts {
  readonly plane: ControlPlane;
  readonly network: PodNetwork;
  readonly agent: NodeAgent;
  readonly services: ServiceTable;
  readonly all: readonly AsyncDisposable[];
}

/** A whole cluster: the real control plane, and everything that runs pods on this machine. */
export class Cluster implements AsyncDisposable {
  readonly plane: ControlPlane;
  readonly network: PodNetwork;
  readonly agent: NodeAgent;
  readonly services: ServiceTable;
  readonly #all: readonly AsyncDisposable[];

  private constructor({ plane, network, agent, services, all }: Parts) {
    this.plane = plane;
    this.network = network;
    this.agent = agent;
    this.services = services;
    this.#all = all;
  }

  /** Resolves when the API server is ready and the nodes are. One at a time: its addresses are always the same. */
  static async start({ nodes = 3 }: ClusterOptions = {}): Promise<Cluster> {
    await collectExecutables();
    const all: AsyncDisposable[] = [];
    const use = <Part extends AsyncDisposable>(part: Part): Part => {
      all.unshift(part);
      return part;
    };
    try {
      const network = use(await PodNetwork.start());
      const plane = use(await ControlPlane.start());
      const proxy = use(new ServiceProxy());
      const services: ServiceTable = new ServiceTable(plane.api, (service, key) => {
        proxy.onService(services, service, key);
        if (service !== null) void provideLoadBalancer(plane.api, service);
      });
      use(await ClusterDns.start(services));
      use(await CustomMetrics.start(plane));
      const agent = use(new NodeAgent({ api: plane.api, network, nodes }));
      await agent.start();
      return new Cluster({ plane, network, agent, services, all });
    } catch (error) {
      for (const each of all) await each[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#all) await each[Symbol.asyncDispose]();
  }
}

/** What a cloud does for a service of type LoadBalancer: it gets an address. Helm waits for that. */
async function provideLoadBalancer(api: ApiServer, { metadata, spec, status }: ServiceObject): Promise<void> {
  if (spec.type !== "LoadBalancer" || (status.loadBalancer?.ingress ?? []).length > 0) return;
  const path = `/api/v1/namespaces/${metadata.namespace}/services/${metadata.name}/status`;
  try {
    await api.patch(path, { status: { loadBalancer: { ingress: [{ ip: spec.clusterIP }] } } });
  } catch {
    // It was taken away meanwhile; whoever waits for its address says so.
  }
}
