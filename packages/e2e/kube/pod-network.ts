import { rm, writeFile } from "node:fs/promises";
import { ADDRESSES } from "./sandbox.ts";
import { quoted, shell } from "./shell.ts";

/** A network namespace that is on the network. */
export interface Attachment {
  /** For `nsenter --net`. */
  readonly namespaceFile: string;
  readonly address: string;
}

/** The network of pods: one bridge, and for each pod a network namespace with a cable to it. */
export class PodNetwork implements AsyncDisposable {
  readonly #attached = new Set<string>();
  #next = 2;

  /** Makes the bridge, and the addresses of services local. */
  static async start(): Promise<PodNetwork> {
    await shell(`
      ip addr replace ${ADDRESSES.services} dev lo
      ip link add pods type bridge
      ip addr add ${ADDRESSES.podBridge}/16 dev pods
      ip link set pods up
    `);
    return new PodNetwork();
  }

  /** Puts a new namespace on the network. Addresses are not used twice, so that nobody can take one pod for another. */
  async attach(
    name: string,
    sysctls: readonly { readonly name: string; readonly value: string }[] = [],
  ): Promise<Attachment> {
    this.#attached.add(name);
    const number = this.#next++;
    const address = `${ADDRESSES.podPrefix}.${number >> 8}.${number & 255}`;
    const cable = `pod${number}`;
    const settings = [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }, ...sysctls];
    await shell(`
      ip netns add ${name}
      ip link add ${cable} type veth peer name eth0 netns ${name}
      ip link set ${cable} master pods up
      ip -n ${name} addr add ${address}/16 dev eth0
      ip -n ${name} link set lo up
      ip -n ${name} link set eth0 up
      ip -n ${name} route add default via ${ADDRESSES.podBridge}
      ${settings.map((each) => `ip netns exec ${name} sysctl -qw ${quoted(`${each.name}=${each.value}`)}`).join("\n")}
    `);
    return { namespaceFile: `/run/netns/${name}`, address };
  }

  /** Ends what still runs in the namespace, and takes it away. Idempotent. */
  async detach(name: string): Promise<void> {
    if (!this.#attached.delete(name)) return;
    // Whoever holds on to it would keep the pod's address alive.
    await shell(`ip netns pids ${name} | xargs -r kill -9; ip netns del ${name}`);
  }

  /** Detaches whoever is still there, and takes the bridge away. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#attached].map((name) => this.detach(name)));
    await shell("ip link del pods");
  }
}

/** Writes the resolv.conf of a namespace's pods; answers the file's path. */
export async function writeResolverFile(path: string, namespace: string): Promise<string> {
  await rm(path, { force: true });
  await writeFile(
    path,
    `nameserver ${ADDRESSES.dns}\nsearch ${namespace}.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n`,
  );
  return path;
}
