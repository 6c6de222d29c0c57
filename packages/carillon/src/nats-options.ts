import { readFile } from "node:fs/promises";
import type { NatsBusOptions } from "@carillon/nats";
import type { Logger, NatsConfig } from "@carillon/service";

/** Turns the settings into what the bus wants: reads the files that they name. Rejects when one can't be read. */
export async function natsOptions(config: NatsConfig, role: string, log: Logger): Promise<NatsBusOptions> {
  throw new Error(`${config.prefix} ${role} ${String(log)} ${String(readFile)}`);
}
