import { NatsServer } from "@carillon/testkit";
import { CarillonProcess } from "./carillon-process.ts";
import { writeConfig } from "./config-file.ts";

/** Processes that a test uses as an application would: clients connect to gateways, and it publishes to the publisher. */
export interface Deployment extends AsyncDisposable {
  readonly gateways: readonly [CarillonProcess, CarillonProcess, CarillonProcess];
  readonly publisher: CarillonProcess;
  readonly configFile: string;
  /** The nats-server; null in one process. */
  readonly nats: NatsServer | null;
  /** Starts one more gateway, for when one was killed. In one process that is another one. */
  addGateway(): Promise<CarillonProcess>;
}

/** Starts a {@link Deployment} with this configuration. */
export type Deploy = (config: string) => Promise<Deployment>;

/** One process that is everything: all three gateways, and the publisher. */
export async function oneProcess(config: string): Promise<Deployment> {
  const configFile = await writeConfig(config);
  const all: CarillonProcess[] = [];
  const add = async () => {
    const process = await CarillonProcess.start("dev", ["--config", configFile]);
    all.push(process);
    return process;
  };
  const only = await add();
  return {
    gateways: [only, only, only],
    publisher: only,
    configFile,
    nats: null,
    addGateway: add,
    [Symbol.asyncDispose]: () => endAll(all),
  };
}

/** Three gateways and a publisher, each a process of its own, on a real nats-server. */
export async function threeGateways(config: string): Promise<Deployment> {
  const configFile = await writeConfig(config);
  const nats = await NatsServer.start({ jetStream: true });
  const all: CarillonProcess[] = [];
  const add = async (role: "gateway" | "publisher") => {
    const process = await CarillonProcess.start(role, ["--config", configFile, "--nats", nats.url]);
    all.push(process);
    return process;
  };
  const dispose = async () => {
    await endAll(all);
    await nats.stop();
  };
  try {
    const [first, second, third, publisher] = await Promise.all([
      add("gateway"),
      add("gateway"),
      add("gateway"),
      add("publisher"),
    ]);
    return {
      gateways: [first, second, third],
      publisher,
      configFile,
      nats,
      addGateway: () => add("gateway"),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Both, by name, for `describe.each` and `test.each`. */
export const DEPLOYMENTS: readonly (readonly [string, Deploy])[] = [
  ["one process", oneProcess],
  ["three gateways on NATS", threeGateways],
];

async function endAll(processes: readonly CarillonProcess[]): Promise<void> {
  await Promise.all(processes.map((each) => each[Symbol.asyncDispose]()));
}
