import { MemoryBackbone, MemoryBus, MemoryClusterBackbone, MemoryClusterLink, MemoryHistory } from "@carillon/core";
import { randomIds, systemClock } from "@carillon/service";
import { TestGateway, type TestGatewayOptions } from "@carillon/testkit/gateway";

/** Gateways of one cluster, in this process, on one bus with histories. */
export class GatewayCluster implements AsyncDisposable {
  readonly all: TestGateway[] = [];

  static async start(
    count: number,
    options: TestGatewayOptions = {},
    createBus = (backbone: MemoryBackbone) => new MemoryBus(backbone),
  ): Promise<GatewayCluster> {
    const gateways = new GatewayCluster();
    const backbone = new MemoryBackbone({ clock: systemClock });
    const history = new MemoryHistory({ backbone, clock: systemClock, ids: randomIds() });
    const cluster = new MemoryClusterBackbone();
    for (let index = 0; index < count; index++) {
      const bus = createBus(backbone);
      const clusterLink = new MemoryClusterLink(cluster);
      gateways.all.push(await TestGateway.start({ ...options, bus, history, clusterLink }));
    }
    return gateways;
  }

  at(index: number): TestGateway {
    const gateway = this.all[index];
    if (gateway === undefined) throw new RangeError("there is no such gateway");
    return gateway;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const gateway of this.all) {
      await gateway[Symbol.asyncDispose]();
      await gateway.bus.close();
    }
  }
}
