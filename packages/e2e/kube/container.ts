import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, open } from "node:fs/promises";
import type { ApiServer } from "./api-server.ts";
import { environmentOf, expand } from "./container-environment.ts";
import { rootScript } from "./container-root.ts";
import { EXECUTABLES, localImage } from "./image-table.ts";
import { type ContainerSpec, kubeTime, type PodObject } from "./kube-objects.ts";
import { type ProbeTarget, pause, probe, watchProbe } from "./probe.ts";
import { LOG_FOLDER } from "./sandbox.ts";

/** What a container stands on. */
export interface ContainerOptions {
  readonly api: ApiServer;
  readonly pod: PodObject;
  readonly spec: ContainerSpec;
  readonly address: string;
  readonly namespaceFile: string;
  readonly resolverFile: string;
  /** The container's own, for its root. */
  readonly folder: string;
  readonly volumePath: (name: string) => string;
  /** Something about it has changed that the pod's status shows. */
  readonly onChange: () => void;
}

/** Where a container stands, in Kubernetes' own words. */
export type ContainerState =
  | { readonly waiting: { readonly reason: string; readonly message?: string } }
  | { readonly running: { readonly startedAt: string } }
  | {
      readonly terminated: {
        readonly exitCode: number;
        readonly reason: string;
        readonly startedAt: string;
        readonly finishedAt: string;
      };
    };

const PATH = `${EXECUTABLES}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
const FIRST_RESTART_MS = 1000;
const SLOWEST_RESTART_MS = 20_000;

/** One container of a pod: a process, started again when it ends if the pod says so, and watched by its probes. */
export class Container {
  readonly spec: ContainerSpec;
  state: ContainerState = { waiting: { reason: "ContainerCreating" } };
  lastState: ContainerState | null = null;
  restarts = 0;
  isReady = false;
  isStarted = false;
  readonly #options: ContainerOptions;
  readonly #log: string;
  #child: ChildProcess | null = null;
  #environment: Record<string, string> = {};
  #isStopping = false;

  constructor(options: ContainerOptions) {
    this.#options = options;
    this.spec = options.spec;
    const { name, namespace } = options.pod.metadata;
    this.#log = `${LOG_FOLDER}/${namespace}_${name}_${options.spec.name}.log`;
  }

  /** Its process; null while there is none. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Runs it until it ends, again and again where the pod's restart policy says so. Resolves when it is over for good. */
  async run(policy: "Always" | "OnFailure" | "Never"): Promise<void> {
    for (;;) {
      const startedMs = performance.now();
      const code = await this.#runOnce();
      const isOver = policy === "Never" || (policy === "OnFailure" && code === 0);
      if (this.#isStopping || isOver) return;
      this.lastState = this.state;
      this.restarts++;
      this.state = { waiting: { reason: "CrashLoopBackOff", message: `exited with ${code}` } };
      this.#options.onChange();
      const ranLong = performance.now() - startedMs > 60_000;
      const delayMs = ranLong
        ? FIRST_RESTART_MS
        : Math.min(FIRST_RESTART_MS * 2 ** (this.restarts - 1), SLOWEST_RESTART_MS);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      if (this.#isStopping) return;
    }
  }

  /** What a kubelet does to end it: the preStop hook, SIGTERM, and SIGKILL when the time is over. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    const deadlineMs = performance.now() + graceMs;
    const leftMs = () => Math.max(0, deadlineMs - performance.now());
    const child = this.#child;
    if (child === null) return;
    const gone = new AbortController();
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve(gone.abort())));
    const { preStop } = this.spec.lifecycle ?? {};
    if (preStop?.sleep !== undefined) await pause(Math.min(preStop.sleep.seconds * 1000, leftMs()), gone.signal);
    else if (preStop !== undefined) await probe({ ...preStop, timeoutSeconds: leftMs() / 1000 }, this.#target());
    if (this.#child === null) return;
    child.kill("SIGTERM");
    await Promise.race([exited, pause(Math.max(leftMs(), 2000), gone.signal)]);
    if (this.#child !== null) child.kill("SIGKILL");
    await exited;
  }

  /** kill -9, as if the kernel had done it. Nothing happens where there is no process. */
  kill(): void {
    this.#child?.kill("SIGKILL");
  }

  /** Runs a command beside it: in its network, with its files. Resolves with whether it exited with 0 in time. */
  exec(command: readonly string[], timeoutMs: number): Promise<boolean> {
    const { pid } = this;
    if (pid === null) return Promise.resolve(false);
    const args = ["--target", String(pid), "--mount", "--net", "--root", "--", ...command];
    return new Promise((resolve) => {
      const child = spawn("nsenter", args, { env: { PATH, ...this.#environment }, stdio: "ignore" });
      const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
      child.on("error", () => resolve(false));
      child.on("exit", (code) => {
        clearTimeout(timer);
        resolve(code === 0);
      });
    });
  }

  async #runOnce(): Promise<number> {
    const startedAt = kubeTime();
    try {
      const child = await this.#spawn();
      this.#child = child;
      this.state = { running: { startedAt } };
      const gone = new AbortController();
      const exited = new Promise<number>((resolve) => {
        child.once("exit", (code, signal) => resolve(code ?? (signal === "SIGKILL" ? 137 : 143)));
      });
      void this.#watch(gone.signal);
      this.#options.onChange();
      const exitCode = await exited;
      gone.abort();
      this.#child = null;
      this.isReady = false;
      this.isStarted = false;
      const reason = exitCode === 0 ? "Completed" : "Error";
      this.state = { terminated: { exitCode, reason, startedAt, finishedAt: kubeTime() } };
      this.#options.onChange();
      return exitCode;
    } catch (error) {
      const { reason = "CreateContainerError", message } = error as {
        readonly reason?: string;
        readonly message: string;
      };
      this.state = { waiting: { reason, message } };
      this.#options.onChange();
      return 128;
    }
  }

  async #spawn(): Promise<ChildProcess> {
    const { api, pod, spec, address, namespaceFile, folder, resolverFile, volumePath } = this.#options;
    const image = localImage(spec.image);
    this.#environment = await environmentOf({ api, pod, container: spec, podAddress: address });
    const words = [...(spec.command ?? image.entrypoint), ...(spec.args ?? [])];
    const command = words.map((word) => expand(word, this.#environment));
    const script = rootScript({ pod, container: spec, folder, resolverFile, volumePath, command });
    await mkdir(folder, { recursive: true });
    const log = await open(this.#log, "a");
    try {
      // Each of these becomes the next one, so the process that we know is the container's own.
      const args = [`--net=${namespaceFile}`, "unshare", "--mount", "--", "bash", "-c", script];
      const env = { PATH, ...this.#environment };
      return spawn("nsenter", args, { env, stdio: ["ignore", log.fd, log.fd], detached: true });
    } finally {
      await log.close();
    }
  }

  #target(): ProbeTarget {
    const exec = (command: readonly string[], timeoutMs: number) => this.exec(command, timeoutMs);
    return { address: this.#options.address, ports: this.spec.ports, exec };
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { startupProbe, readinessProbe, livenessProbe } = this.spec;
    const target = this.#target();
    if (startupProbe !== undefined) {
      const onOutcome = (isPassing: boolean) => {
        this.isStarted = isPassing;
        if (!isPassing) this.kill();
        return false;
      };
      await watchProbe({ spec: startupProbe, target, signal, onOutcome });
      if (!this.isStarted || signal.aborted) return;
    }
    this.isStarted = true;
    if (readinessProbe === undefined) this.#setReady(true);
    else void watchProbe({ spec: readinessProbe, target, signal, onOutcome: (isPassing) => this.#setReady(isPassing) });
    if (livenessProbe === undefined) return;
    const onOutcome = (isPassing: boolean) => {
      if (!isPassing && !this.#isStopping) this.kill();
      return isPassing;
    };
    void watchProbe({ spec: livenessProbe, target, signal, onOutcome });
  }

  #setReady(isReady: boolean): true {
    if (this.isReady !== isReady) {
      this.isReady = isReady;
      this.#options.onChange();
    }
    return true;
  }
}
