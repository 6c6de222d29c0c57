import { type BusHarness, describeBus, NatsServer } from "@carillon/testkit";
import { connectNatsBus } from "../src/index.ts";

async function harness(interest: "exact" | "partition"): Promise<BusHarness> {
  const server = await NatsServer.start({ jetStream: true });
  return {
    createNode: () => connectNatsBus({ servers: [server.url], interest, readsTraces: true }),
    interrupt: () => server.kill(),
    restore: () => server.restart(),
    close: () => server.stop(),
  };
}

describeBus("NatsBus with exact interest", () => harness("exact"));
describeBus("NatsBus with partition interest", () => harness("partition"));
