import { mkdir } from "node:fs/promises";
import { ApiError, type ApiServer } from "./api-server.ts";
import { Container } from "./container.ts";
import { keyOf, kubeTime, type PodObject } from "./kube-objects.ts";
import { type PodNetwork, writeResolverFile } from "./pod-network.ts";
import { podStatus } from "./pod-status.ts";
import { PodVolumes } from "./pod-volumes.ts";
import { sandboxFolder } from "./sandbox.ts";

/** What a pod stands on. */
export interface PodOptions {
  readonly api: ApiServer;
  readonly network: PodNetwork;
  readonly object: PodObject;
  /** Told of what goes wrong and can't be shown in the pod's status. */
  readonly onFailure: (what: string, error: unknown) => void;
}

/** Reports of one moment are sent as one. */
const STATUS_DELAY_MS = 20;

/** One pod on this machine: its network, its volumes and its containers, from its first status to its last. */
export class Pod {
  readonly #options: PodOptions;
  readonly #volumes: PodVolumes;
  readonly #startTime = kubeTime();
  readonly #namespace: string;
  #containers: readonly Container[] = [];
  #address: string | null = null;
  #failure: { readonly reason: string; readonly message: string } | null = null;
  #hasInitialized = false;
  #isStopping = false;
  #isGone = false;
  #statusTimer: NodeJS.Timeout | null = null;
  #conditions: ReturnType<typeof podStatus>["conditions"] = [];

  constructor(options: PodOptions) {
    this.#options = options;
    const { uid } = options.object.metadata;
    this.#namespace = `pod-${uid.slice(0, 13)}`;
    this.#volumes = new PodVolumes(options.api, options.object, `${this.#folder}/volumes`);
  }

  get key(): string {
    return keyOf(this.#options.object);
  }

  get namespace(): string {
    return this.#options.object.metadata.namespace;
  }

  /** Starts it, and follows it until it ends by itself or is told to. */
  async run(): Promise<void> {
    const { api, network, object } = this.#options;
    const { spec } = object;
    try {
      await mkdir(this.#folder, { recursive: true });
      const { address, namespaceFile } = await network.attach(this.#namespace, spec.securityContext?.sysctls);
      this.#address = address;
      await this.#volumes.fill();
      const resolverFile = await writeResolverFile(`${this.#folder}/resolv.conf`, this.namespace);
      const create = (container: (typeof spec.containers)[number]) =>
        new Container({
          api,
          pod: object,
          spec: container,
          address,
          namespaceFile,
          resolverFile,
          folder: `${this.#folder}/root-${container.name}`,
          volumePath: (name) => this.#volumes.pathOf(name),
          onChange: () => this.#report(),
        });
      for (const each of spec.initContainers ?? []) {
        if (!this.#isStopping) await create(each).run("OnFailure");
      }
      if (this.#isStopping) return;
      this.#hasInitialized = true;
      this.#containers = spec.containers.map(create);
      await Promise.all(this.#containers.map((each) => each.run(spec.restartPolicy ?? "Always")));
    } catch (error) {
      const { reason = "CreatePodSandboxError", message } = error as {
        readonly reason?: string;
        readonly message: string;
      };
      this.#failure = { reason, message };
      this.#report();
    }
  }

  /** The process of its first container; null while there is none. */
  get pid(): number | null {
    return this.#containers[0]?.pid ?? null;
  }

  /** kill -9 of its containers' processes. */
  kill(): void {
    for (const each of this.#containers) each.kill();
  }

  /** Shows changes of ConfigMaps and Secrets in its volumes. */
  async refreshVolumes(): Promise<void> {
    if (!this.#isStopping && this.#failure === null) await this.#volumes.refresh();
  }

  /** Ends it within the grace period, and takes it from the API. Idempotent. */
  async stop(graceSeconds: number): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const { api, network, object } = this.#options;
    await Promise.all(this.#containers.map((each) => each.stop(graceSeconds * 1000)));
    await this.#sendStatus();
    this.#isGone = true;
    if (this.#address !== null) await network.detach(this.#namespace);
    const options = { gracePeriodSeconds: 0, preconditions: { uid: object.metadata.uid } };
    await this.#unlessGone(api.delete(this.#path, { apiVersion: "v1", kind: "DeleteOptions", ...options }));
  }

  get #folder(): string {
    return `${sandboxFolder()}/pods/${this.#namespace}`;
  }

  get #path(): string {
    const { namespace, name } = this.#options.object.metadata;
    return `/api/v1/namespaces/${namespace}/pods/${name}`;
  }

  #report(): void {
    this.#statusTimer ??= setTimeout(() => {
      this.#statusTimer = null;
      void this.#sendStatus();
    }, STATUS_DELAY_MS);
  }

  async #sendStatus(): Promise<void> {
    if (this.#isGone) return;
    const status = podStatus({
      object: this.#options.object,
      containers: this.#containers,
      address: this.#address,
      startTime: this.#startTime,
      failure: this.#failure,
      hasInitialized: this.#hasInitialized,
      isStopping: this.#isStopping,
      before: this.#conditions,
    });
    this.#conditions = status.conditions;
    const { uid } = this.#options.object.metadata;
    const body = { metadata: { uid }, status };
    await this.#unlessGone(
      this.#options.api.patch(`${this.#path}/status`, body, "application/strategic-merge-patch+json"),
    );
  }

  async #unlessGone(call: Promise<unknown>): Promise<void> {
    try {
      await call;
    } catch (error) {
      // 404 and 409: the pod was taken away, and its name may have gone to another one.
      if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return;
      this.#options.onFailure(this.key, error);
    }
  }
}
