import { NatsCluster, NatsServer } from "@carillon/testkit";
import { type BlockStoreHarness, describeBlockStore } from "@carillon/testkit/contracts";
import { connectNatsBus } from "../src/index.ts";

async function single(): Promise<BlockStoreHarness> {
  const server = await NatsServer.start({ jetStream: true });
  return {
    createNode: async () => {
      const bus = await connectNatsBus({ servers: [server.url] });
      return { store: bus.blocks, close: () => bus.close() };
    },
    now: Date.now,
    close: () => server.stop(),
  };
}

async function cluster(): Promise<BlockStoreHarness> {
  const servers = await NatsCluster.start({ size: 3, jetStream: true });
  let nodes = 0;
  return {
    // Each node on the next server, so that puts and reads meet different copies.
    createNode: async () => {
      const { url } = servers.server(nodes++ % 3);
      const bus = await connectNatsBus({ servers: [url], blocks: { replicas: 3 } });
      return { store: bus.blocks, close: () => bus.close() };
    },
    now: Date.now,
    close: () => servers.stop(),
  };
}

describeBlockStore("NatsBlockStore, one server", single);
describeBlockStore("NatsBlockStore, three copies in a cluster", cluster);
