import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { eventually } from "@carillon/testkit";
import type { Cluster } from "./cluster.ts";
import { readMetric } from "./custom-metrics.ts";
import type { DeploymentObject, PodObject } from "./kube-objects.ts";
import { REPOSITORY, sandboxFolder } from "./sandbox.ts";
import { quoted, shell } from "./shell.ts";

/** The app of the values below. */
export const APP = { key: "app-key", publishSecret: "a-publish-secret" } as const;

const FIND_HELM = `${REPOSITORY}/packages/testkit/tools/ensure-helm.mjs`;
const NAME = "carillon";
export const NAMESPACE = "realtime";

/** Values for tests: short drains, and histories on channels `history-*`. */
const VALUES = {
  config: {
    apps: [{ id: "1001", key: APP.key, secrets: ["an-app-secret"], publishSecret: APP.publishSecret }],
    channels: [{ match: "history-*", history: { messages: 1000, maxAge: "10m" } }],
  },
  nats: { builtIn: { enabled: true } },
  gateway: { drain: { delaySeconds: 5, spreadSeconds: 20 } },
  loadBalancer: { envoy: { drainSeconds: 10, drain: { delaySeconds: 5, spreadSeconds: 20 } } },
};

/** What Kubernetes itself puts into a namespace. */
const OF_EVERY_NAMESPACE: ReadonlySet<string> = new Set(["configmap/kube-root-ca.crt", "serviceaccount/default"]);

/** The chart, installed in a cluster. */
export class Release {
  readonly #cluster: Cluster;
  readonly #valuesFile: string;
  readonly #helm: string;

  private constructor(cluster: Cluster, valuesFile: string) {
    this.#cluster = cluster;
    this.#valuesFile = valuesFile;
    this.#helm = execFileSync("node", [FIND_HELM], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
  }

  /** Prepares the values; nothing is installed yet. Numbers may be changed with dotted paths, as `--set` takes them. */
  static async prepare(cluster: Cluster): Promise<Release> {
    const file = `${sandboxFolder()}/values.json`;
    await writeFile(file, JSON.stringify(VALUES));
    await shell(
      `${kubectlOf(cluster)} create namespace ${NAMESPACE} --dry-run=client -o yaml | ${kubectlOf(cluster)} apply -f -`,
    );
    return new Release(cluster, file);
  }

  /** Installs or upgrades, and waits until everything is ready. */
  async apply(set: Readonly<Record<string, string | number | boolean>> = {}, waitSeconds = 300): Promise<void> {
    await this.helm(`upgrade --install ${NAME} ${this.arguments(set)} --wait --timeout ${waitSeconds}s`);
    await this.becomesWhole();
  }

  /** All objects of the chart but those of its tests, as YAML, by a file of values. Default: those of the release. */
  render(valuesFile = this.#valuesFile): Promise<string> {
    const chart = quoted(`${REPOSITORY}/helm/carillon`);
    return this.helm(`template ${NAME} ${chart} --values ${quoted(valuesFile)} --kube-version 1.37.0 --skip-tests`);
  }

  /** `helm ARGUMENTS`, in the release's namespace. */
  helm(args: string): Promise<string> {
    const { kubeconfig } = this.#cluster.plane;
    return shell(`HOME=${sandboxFolder()} ${this.#helm} --kubeconfig ${kubeconfig} --namespace ${NAMESPACE} ${args}`);
  }

  /** `kubectl ARGUMENTS`, in the release's namespace. */
  kubectl(args: string): Promise<string> {
    return shell(`${kubectlOf(this.#cluster)} --namespace ${NAMESPACE} ${args}`);
  }

  /** Pods of a component that aren't ending. */
  async pods(component: string): Promise<readonly PodObject[]> {
    const selector = encodeURIComponent(`app.kubernetes.io/component=${component}`);
    const path = `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=${selector}`;
    const { items } = await this.#cluster.plane.api.get<{ items: PodObject[] }>(path);
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  /** Where Envoys that are ready take clients, as `address:port`. */
  fronts(): readonly string[] {
    return this.#cluster.services
      .endpoints(`${NAMESPACE}/${NAME}`, "ws")
      .map(({ address, port }) => `${address}:${port}`);
  }

  /** Where to publish. */
  get publishUrl(): string {
    return `http://${this.#cluster.services.service(`${NAMESPACE}/${NAME}-publisher`)?.spec.clusterIP}`;
  }

  /** Resolves when nothing of a release that was uninstalled is left in its namespace. */
  async becomesNothing(): Promise<void> {
    const kinds = (await this.kubectl("api-resources --verbs=list --namespaced -o name")).trim().split("\n");
    const counted = kinds.filter((each) => !/^(events|events\.events\.k8s\.io)$/.test(each));
    const check = async () => {
      const left = await this.kubectl(`get ${counted.join(",")} -o name --ignore-not-found`);
      const more = left
        .trim()
        .split("\n")
        .filter((name) => name !== "" && !OF_EVERY_NAMESPACE.has(name));
      if (more.length > 0) throw new Error(`left: ${more.join(", ")}`);
    };
    await eventually(check, { timeoutMs: 120_000, intervalMs: 1000 });
  }

  /** Connections of each gateway that is ready, by its pod's name. */
  async connections(): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>();
    for (const { metadata, status } of await this.pods("gateway")) {
      const value = await readMetric(`http://${status.podIP}:9090`, "carillon_connections");
      if (value !== null) found.set(metadata.name, value);
    }
    return found;
  }

  /**
   * Resolves when nothing of an earlier rollout is left: all pods are of the newest kind and have been ready for long enough, and none is
   * ending. Helm alone waits only until the new pods are ready, while the old ones may not have been told to end yet.
   */
  async becomesWhole(): Promise<void> {
    const { api } = this.#cluster.plane;
    const check = async () => {
      const path = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`;
      const { items: deployments } = await api.get<{ items: DeploymentObject[] }>(path);
      const rolling = deployments.filter((each) => !isRolledOut(each)).map(({ metadata }) => metadata.name);
      if (rolling.length > 0) throw new Error(`not rolled out: ${rolling.join(", ")}`);
      const { items: pods } = await api.get<{ items: PodObject[] }>(`/api/v1/namespaces/${NAMESPACE}/pods`);
      const ending = pods.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
      if (ending.length > 0) throw new Error(`still ending: ${ending.map(({ metadata }) => metadata.name).join(", ")}`);
    };
    await eventually(check, { timeoutMs: 240_000, intervalMs: 500 });
  }

  /** The chart and its values, as arguments for helm. */
  arguments(set: Readonly<Record<string, string | number | boolean>> = {}): string {
    const changes = Object.entries(set).map(([path, value]) => `--set ${quoted(`${path}=${value}`)}`);
    return [quoted(`${REPOSITORY}/helm/carillon`), `--values ${this.#valuesFile}`, ...changes].join(" ");
  }
}

function isRolledOut({ metadata, spec, status }: DeploymentObject): boolean {
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  const isAll = [replicas, updatedReplicas, availableReplicas].every((each) => each === spec.replicas);
  return isAll && observedGeneration >= metadata.generation;
}

function kubectlOf({ plane }: Cluster): string {
  return `HOME=${sandboxFolder()} kubectl --kubeconfig ${plane.kubeconfig}`;
}
