import { mkdir } from "node:fs/promises";
import { ApiError, type ApiServer } from "./api-server.ts";
import { type KubeObject, keyOf, kubeTime, type PodObject } from "./kube-objects.ts";
import { Pod } from "./pod.ts";
import type { PodNetwork } from "./pod-network.ts";
import { ADDRESSES, sandboxFolder } from "./sandbox.ts";

/** What the agent works with. */
export interface NodeAgentOptions {
  readonly api: ApiServer;
  readonly network: PodNetwork;
  /** How many nodes it pretends to be. */
  readonly nodes: number;
}

const LEASE_SECONDS = 40;
const HEARTBEAT_MS = 10_000;

/**
 * What kubelets are in a cluster: it registers nodes, keeps them alive, and runs the containers of each pod that is scheduled to
 * one of them as processes of this machine. Not enforced are limits of CPU and memory, and network policies.
 */
export class NodeAgent implements AsyncDisposable {
  /** What went wrong and nobody was told of. */
  readonly failures: string[] = [];
  readonly #options: NodeAgentOptions;
  readonly #nodes: readonly string[];
  readonly #pods = new Map<string, Pod>();
  #heartbeat: NodeJS.Timeout | null = null;

  constructor(options: NodeAgentOptions) {
    this.#options = options;
    this.#nodes = Array.from({ length: options.nodes }, (_, index) => `node-${index}`);
  }

  /** Resolves when the nodes are registered and ready. */
  async start(): Promise<void> {
    const { api } = this.#options;
    await mkdir(`${sandboxFolder()}/pods`, { recursive: true });
    await Promise.all(this.#nodes.map((name, index) => this.#register(name, index)));
    this.#heartbeat = setInterval(() => void this.#renewLeases(), HEARTBEAT_MS);
    api.watch<PodObject>("/api/v1/pods", {
      onList: (items) => {
        for (const each of items) this.#onPod(each);
      },
      onChange: (type, object) => {
        if (type !== "DELETED") this.#onPod(object);
        else void this.#stop(object, 0);
      },
    });
    for (const kind of ["configmaps", "secrets"]) {
      api.watch(`/api/v1/${kind}`, {
        onList: () => undefined,
        onChange: (type, object) => {
          if (type === "MODIFIED") void this.#refreshVolumes(object);
        },
      });
    }
  }

  /** A pod that runs here. Throws for any other. */
  pod(namespace: string, name: string): Pod {
    for (const each of this.#pods.values()) if (each.key === `${namespace}/${name}`) return each;
    throw new Error(`no pod ${namespace}/${name} runs here`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    for (const each of this.#pods.values()) each.kill();
  }

  #onPod(object: PodObject): void {
    const { metadata, spec, status } = object;
    if (spec.nodeName === undefined || !this.#nodes.includes(spec.nodeName)) return;
    if (metadata.deletionTimestamp !== undefined) {
      void this.#stop(object, metadata.deletionGracePeriodSeconds ?? 30);
      return;
    }
    if (this.#pods.has(metadata.uid) || status.phase === "Succeeded" || status.phase === "Failed") return;
    const { api, network } = this.#options;
    const onFailure = (what: string, error: unknown) => this.#note(what, error);
    const pod = new Pod({ api, network, object, onFailure });
    this.#pods.set(metadata.uid, pod);
    void pod.run().catch((error: unknown) => this.#note(pod.key, error));
  }

  async #stop(object: PodObject, graceSeconds: number): Promise<void> {
    const { uid } = object.metadata;
    const pod = this.#pods.get(uid) ?? this.#stranger(object);
    if (pod === null) return;
    try {
      await pod.stop(graceSeconds);
    } catch (error) {
      this.#note(keyOf(object), error);
    } finally {
      this.#pods.delete(uid);
    }
  }

  /** A pod that is to go before it has begun; null where it isn't ours. */
  #stranger(object: PodObject): Pod | null {
    if (!this.#nodes.includes(object.spec.nodeName ?? "")) return null;
    const { api, network } = this.#options;
    return new Pod({ api, network, object, onFailure: (what, error) => this.#note(what, error) });
  }

  async #refreshVolumes({ metadata }: KubeObject): Promise<void> {
    for (const pod of this.#pods.values()) {
      if (pod.namespace !== metadata.namespace) continue;
      await pod.refreshVolumes().catch((error: unknown) => this.#note(pod.key, error));
    }
  }

  async #register(name: string, index: number): Promise<void> {
    const { api } = this.#options;
    const labels = {
      "kubernetes.io/hostname": name,
      "kubernetes.io/os": "linux",
      "kubernetes.io/arch": process.arch === "x64" ? "amd64" : process.arch,
      "topology.kubernetes.io/zone": `zone-${index % 3}`,
    };
    await api.post("/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name, labels } });
    const capacity = { cpu: "64", memory: "128Gi", pods: "110", "ephemeral-storage": "100Gi" };
    const status = {
      capacity,
      allocatable: capacity,
      addresses: [
        { type: "InternalIP", address: ADDRESSES.apiServer },
        { type: "Hostname", address: name },
      ],
      conditions: [
        {
          type: "Ready",
          status: "True",
          reason: "Ready",
          lastHeartbeatTime: kubeTime(),
          lastTransitionTime: kubeTime(),
        },
      ],
    };
    await api.patch(`/api/v1/nodes/${name}/status`, { status }, "application/strategic-merge-patch+json");
    await this.#renewLease(name);
  }

  async #renewLeases(): Promise<void> {
    for (const name of this.#nodes) {
      await this.#renewLease(name).catch((error: unknown) => this.#note(`lease of ${name}`, error));
    }
  }

  async #renewLease(name: string): Promise<void> {
    const path = `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${name}?fieldManager=agent&force=true`;
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime: new Date().toISOString().replace("Z", "000Z"),
    };
    const lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name }, spec };
    await this.#options.api.patch(path, lease, "application/apply-patch+yaml");
  }

  #note(what: string, error: unknown): void {
    // A call that was cut by our own end is none.
    if (error instanceof ApiError || error instanceof Error) this.failures.push(`${what}: ${error.message}`);
    else this.failures.push(`${what}: ${String(error)}`);
  }
}
