import { NatsServer } from "@carillon/testkit";
import { CarillonProcess } from "./carillon-process.ts";
import { writeConfig } from "./config-file.ts";

/** Starts gateways and workers on one NATS, and ends them in the end. */
export class WebhookCluster {
  readonly nats: NatsServer;
  readonly args: readonly string[];
  readonly #processes: CarillonProcess[] = [];

  private constructor(nats: NatsServer, args: readonly string[]) {
    this.nats = nats;
    this.args = args;
  }

  static async start(config: string): Promise<WebhookCluster> {
    const nats = await NatsServer.start({ jetStream: true });
    return new WebhookCluster(nats, ["--config", await writeConfig(config), "--nats", nats.url]);
  }

  async add(role: "gateway" | "webhooks"): Promise<CarillonProcess> {
    const process = await CarillonProcess.start(role, this.args);
    this.#processes.push(process);
    return process;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process[Symbol.asyncDispose]()));
    await this.nats.stop();
  }
}
