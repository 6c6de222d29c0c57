import { NatsCluster, NatsServer } from "@carillon/testkit";
import { describeWebhookQueue, type WebhookQueueHarness } from "@carillon/testkit/contracts";
import { connectNatsBus, type NatsBus } from "../src/index.ts";

const LEASE_MS = 1000;

/** Queues on connections of their own, closed together. */
class Queues {
  readonly #buses: NatsBus[] = [];

  async on(url: string, replicas: 1 | 3) {
    const bus = await connectNatsBus({ servers: [url], webhooks: { replicas, leaseMs: LEASE_MS } });
    this.#buses.push(bus);
    return bus.webhooks;
  }

  async close(): Promise<void> {
    await Promise.all(this.#buses.map((bus) => bus.close()));
  }
}

async function single(): Promise<WebhookQueueHarness> {
  const server = await NatsServer.start({ jetStream: true });
  const queues = new Queues();
  const close = async () => {
    await queues.close();
    await server.stop();
  };
  return { leaseMs: LEASE_MS, createQueue: () => queues.on(server.url, 1), close };
}

async function cluster(): Promise<WebhookQueueHarness> {
  const servers = await NatsCluster.start({ size: 3, jetStream: true });
  const queues = new Queues();
  let nodes = 0;
  const close = async () => {
    await queues.close();
    await servers.stop();
  };
  // Each process on the next server, so that what one does another one's copy has to know.
  return { leaseMs: LEASE_MS, createQueue: () => queues.on(servers.server(nodes++ % 3).url, 3), close };
}

describeWebhookQueue("NatsWebhookQueue, one server", single);
describeWebhookQueue("NatsWebhookQueue, three copies in a cluster", cluster);
