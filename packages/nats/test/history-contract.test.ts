import { NatsCluster, NatsServer } from "@carillon/testkit";
import { describeHistory, type HistoryHarness } from "@carillon/testkit/contracts";
import { connectNatsBus, type NatsBus, type NatsBusOptions } from "../src/index.ts";
import { RESTLESS } from "./support/auto-interest.ts";

const HISTORY = { maxMessagesPerChannel: 50, maxAgeMs: 60_000 } as const;

const nodeOn = (bus: NatsBus) => ({ bus, history: bus.history });

async function single(interest: Pick<NatsBusOptions, "interest" | "autoInterest">): Promise<HistoryHarness> {
  const server = await NatsServer.start({ jetStream: true });
  return {
    createNode: async () =>
      nodeOn(await connectNatsBus({ servers: [server.url], ...interest, history: HISTORY, readsTraces: true })),
    close: () => server.stop(),
  };
}

async function cluster(): Promise<HistoryHarness> {
  const servers = await NatsCluster.start({ size: 3, jetStream: true });
  let nodes = 0;
  return {
    // Each node on the next server, so that appends and reads meet different copies.
    createNode: async () => {
      const { url } = servers.server(nodes++ % 3);
      return nodeOn(await connectNatsBus({ servers: [url], history: { ...HISTORY, replicas: 3 }, readsTraces: true }));
    },
    close: () => servers.stop(),
  };
}

describeHistory("NatsHistory, one server", () => single({ interest: "exact" }));
describeHistory("NatsHistory, partition interest", () => single({ interest: "partition" }));
describeHistory("NatsHistory, interest that changes all the time", () =>
  single({ interest: "auto", autoInterest: RESTLESS }),
);
describeHistory("NatsHistory, three copies in a cluster", cluster);
