import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { PEERS, type PeerName } from "../contender.ts";
import { REPOSITORY } from "../repository.ts";

const INSTALL = join(REPOSITORY, "loadtest/peers/install.mjs");

/** What loadtest/peers/install.mjs has put on this machine. */
export interface InstalledPeers {
  /** Where the servers stand, beside their packages. */
  readonly folder: string;
  /** How to run redis-server; null: it can't be had here. */
  readonly redis: { readonly command: string; readonly libraries: string } | null;
  /** Path of Centrifugo; null: it can't be had here. */
  readonly centrifugo: string | null;
  /** By name. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Installs what is missing, which tells its progress on stderr. Rejects when the npm packages can't be had. */
export async function installPeers(): Promise<InstalledPeers> {
  const child = spawn(process.execPath, [INSTALL], { stdio: ["ignore", "pipe", "inherit"] });
  const answer = await text(child.stdout);
  if (answer === "") throw new Error("the peers could not be installed");
  // Our own script: its last line says what this interface says.
  return JSON.parse(answer) as InstalledPeers;
}

/** The peers that can run with what is installed. */
export function availablePeers({ redis, centrifugo }: Pick<InstalledPeers, "redis" | "centrifugo">): PeerName[] {
  return PEERS.filter((peer) => {
    if (peer === "socketio-redis") return redis !== null;
    if (peer === "centrifugo" || peer === "centrifugo-nats") return centrifugo !== null;
    return true;
  });
}
