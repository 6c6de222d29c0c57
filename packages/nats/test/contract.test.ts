import { NatsServer } from "@carillon/testkit";
import { type BusHarness, describeBus } from "@carillon/testkit/contracts";
import { connectNatsBus, type NatsBusOptions } from "../src/index.ts";
import { RESTLESS } from "./support/auto-interest.ts";

async function harness(interest: Pick<NatsBusOptions, "interest" | "autoInterest">): Promise<BusHarness> {
  const server = await NatsServer.start({ jetStream: true });
  return {
    createNode: () => connectNatsBus({ servers: [server.url], ...interest, readsTraces: true }),
    interrupt: () => server.kill(),
    restore: () => server.restart(),
    close: () => server.stop(),
  };
}

describeBus("NatsBus with exact interest", () => harness({ interest: "exact" }));
describeBus("NatsBus with partition interest", () => harness({ interest: "partition" }));
describeBus("NatsBus with interest chosen by itself", () => harness({ interest: "auto" }));
describeBus("NatsBus with interest that changes all the time", () =>
  harness({ interest: "auto", autoInterest: RESTLESS }),
);
