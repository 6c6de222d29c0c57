import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { allPorts, type Ports, portsOf } from "../../local/topology.ts";

/**
 * Shifts by which all ports of a cluster, 4221 to 9901, are above those of well-known services and below 32768: from there on Linux gives
 * ports to outgoing connections and to whoever asks for any.
 */
const SHIFTS = { min: 6000, max: 22_800 } as const;
const TRIES = 50;

/** The ports of a cluster on which somebody listens, as whose they would be. */
export async function takenPorts(ports: Ports): Promise<string[]> {
  const owners: string[] = [];
  for (const { port, owner } of allPorts(ports)) if (!(await isFree(port))) owners.push(owner);
  return owners;
}

/** A shift at which nobody listens on any port of a cluster. */
export async function freeShift(): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const shift = randomInt(SHIFTS.min, SHIFTS.max);
    if ((await takenPorts(portsOf(shift))).length === 0) return shift;
  }
  throw new Error(`of ${TRIES} clusters, each would have had a port that is taken`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const isListening = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => resolve(true));
  });
  if (isListening) await new Promise((resolve) => server.close(resolve));
  return isListening;
}
