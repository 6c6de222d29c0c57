import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { isRunning, type Started, signal, start, stop } from "./processes.ts";
import {
  carillonPrograms,
  envoyProgram,
  makeSecrets,
  natsExporterProgram,
  natsPrograms,
  type Program,
  prometheusProgram,
  type Secrets,
} from "./programs.ts";
import { allPorts, type Ports, portsOf } from "./topology.ts";

/** What a run leaves for the next one. */
interface Saved {
  readonly shift: number;
  readonly secrets: Secrets;
  readonly started: readonly Started[];
}

/** Something that the operator can put right; the message says how. */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
}

/** What was found or made. */
export interface Standing {
  readonly ports: Ports;
  readonly secrets: Secrets;
  readonly logs: string;
  /** True: it was up before. */
  readonly wasUp: boolean;
  readonly hasPrometheus: boolean;
}

/** What of a cluster may differ. */
export interface UpOptions {
  /** Added to each port. */
  readonly shift?: number;
  /** The configuration of Carillon's processes; default deploy/carillon.yaml. */
  readonly config?: string;
  readonly onStep?: (step: string) => void;
}

const READY_WITHIN_MS = 60_000;
// A gateway first waits for load balancers and then spreads its clients: deploy/carillon.yaml says for how long.
const STOP_WITHIN_MS = 40_000;

/** The topology of compose.yaml as processes of this machine, found again by what is in a folder. */
export class LocalCluster {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get logs(): string {
    return join(this.#folder, "logs");
  }

  /** Starts everything, or finds that it is up. Rejects with a ClusterError, and leaves nothing running then. */
  async up({ shift = 0, config, onStep = () => undefined }: UpOptions = {}): Promise<Standing> {
    const saved = await this.#load();
    if (saved !== null) {
      const states = await Promise.all(saved.started.map(isRunning));
      if (states.every(Boolean)) return this.#standing(saved, true);
      const missing = saved.started.filter((_, index) => states[index] !== true).map(({ name }) => name);
      throw new ClusterError(
        `A cluster is up, but ${missing.join(", ")} ended; ${this.logs} says why. End it with make cluster-down, and start again.`,
      );
    }
    const ports = portsOf(shift);
    await assertFree(ports);
    await mkdir(this.logs, { recursive: true });
    const state = { shift, secrets: makeSecrets(), started: [] as Started[] };
    try {
      await this.#startAll(ports, state, { config, onStep });
    } catch (error) {
      await this.down();
      throw error;
    }
    return this.#standing(state, false);
  }

  /** Ends everything that {@link up} started, gateways last of those that clients see; removes all but the logs. False: nothing was up. */
  async down(): Promise<boolean> {
    const saved = await this.#load();
    if (saved === null) return false;
    const isBackbone = ({ name }: Started) => /^nats-\d$/.test(name);
    await Promise.all(saved.started.filter((each) => !isBackbone(each)).map((each) => stop(each, STOP_WITHIN_MS)));
    await Promise.all(saved.started.filter(isBackbone).map((each) => stop(each, STOP_WITHIN_MS)));
    for (const each of ["state.json", "store", "prometheus", "envoy.yaml", "prometheus.yml", "rules"])
      await rm(join(this.#folder, each), { recursive: true, force: true });
    return true;
  }

  /** Sends one of its processes a signal. */
  async signal(name: string, what: NodeJS.Signals): Promise<void> {
    const started = (await this.#load())?.started.find((each) => each.name === name);
    if (started === undefined) throw new ClusterError(`there is no ${name} in this cluster`);
    await signal(started, what);
  }

  async #startAll(
    ports: Ports,
    state: { shift: number; secrets: Secrets; started: Started[] },
    { config, onStep }: Required<Pick<UpOptions, "onStep">> & { readonly config: string | undefined },
  ): Promise<void> {
    const groups: (() => Promise<Program[]>)[] = [
      () => natsPrograms(this.#folder, ports, { secrets: state.secrets }),
      async () => carillonPrograms(ports, state.secrets, config),
      async () => [await envoyProgram(this.#folder, ports), natsExporterProgram(ports)],
      // Nice to have: the cluster is whole without.
      () =>
        prometheusProgram(this.#folder, ports)
          .then((program) => [program])
          .catch(() => []),
    ];
    for (const group of groups) {
      const programs = await group();
      if (programs.length > 0) onStep(programs.map(({ name }) => name).join(", "));
      for (const program of programs) {
        state.started.push(await start(program, this.logs));
        await this.#save(state);
      }
      await Promise.all(programs.map((program) => this.#whenReady(program, state.started)));
    }
  }

  async #whenReady({ name, readyUrl }: Program, started: readonly Started[]): Promise<void> {
    const process = started.find((each) => each.name === name);
    const endMs = performance.now() + READY_WITHIN_MS;
    for (;;) {
      if (await isOk(readyUrl)) return;
      const isGone = process === undefined || !(await isRunning(process));
      if (isGone || performance.now() > endMs)
        throw new ClusterError(`${name} is not ready: ${await this.#lastWordsOf(name)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async #lastWordsOf(name: string): Promise<string> {
    const file = join(this.logs, `${name}.log`);
    const text = await readFile(file, "utf8").catch(() => "");
    return `see ${file}, which ends with:\n${text.trim().split("\n").slice(-5).join("\n")}`;
  }

  #standing({ shift, secrets, started }: Saved, wasUp: boolean): Standing {
    const hasPrometheus = started.some(({ name }) => name === "prometheus");
    return { ports: portsOf(shift), secrets, logs: this.logs, wasUp, hasPrometheus };
  }

  async #save(saved: Saved): Promise<void> {
    await writeFile(join(this.#folder, "state.json"), JSON.stringify(saved), { mode: 0o600 });
  }

  async #load(): Promise<Saved | null> {
    const text = await readFile(join(this.#folder, "state.json"), "utf8").catch(() => null);
    return text === null ? null : (JSON.parse(text) as Saved);
  }
}

async function isOk(url: string): Promise<boolean> {
  return await fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function assertFree(ports: Ports): Promise<void> {
  const taken: string[] = [];
  for (const { port, owner } of allPorts(ports)) if (!(await isFree(port))) taken.push(`${port} (for ${owner})`);
  if (taken.length === 0) return;
  throw new ClusterError(
    `In use on 127.0.0.1: ${taken.join(", ")}. End what has ${taken.length === 1 ? "it" : "them"} (\`ss -ltnp\` names it), ` +
      'or shift all ports of the cluster: make cluster ARGS="--shift 1000"',
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
