import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually, freePorts } from "@carillon/testkit";
import { expect } from "vitest";

const TOOL = fileURLToPath(new URL("../../../testkit/tools/ensure-prometheus.mjs", import.meta.url));

/** Where `prometheus`, or `promtool`, is on this machine. */
export function prometheusPath(name: "prometheus" | "promtool"): string {
  return execFileSync(process.execPath, [TOOL, name], { encoding: "utf8" }).trim();
}

/** What a Prometheus scrapes: targets by job, as host:port. */
export type Jobs = Readonly<Record<string, readonly string[]>>;

/** One sample of an answer. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A real Prometheus on a free port that scrapes, and looks at its rules, every second. */
export class Prometheus {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly url: string;

  private constructor(child: ChildProcess, folder: string, url: string) {
    this.#child = child;
    this.#folder = folder;
    this.url = url;
  }

  /** Starts it and waits until it answers. `rules`: the text of a rule file. */
  static async start(jobs: Jobs, rules: string): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), "carillon-prometheus-"));
    const config = {
      global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
      rule_files: ["rules.yaml"],
      scrape_configs: Object.entries(jobs).map(([job_name, targets]) => ({ job_name, static_configs: [{ targets }] })),
    };
    await writeFile(join(folder, "rules.yaml"), rules);
    // JSON is YAML as well.
    await writeFile(join(folder, "prometheus.yml"), JSON.stringify(config));
    // It doesn't tell which port it took.
    const [port] = await freePorts(1);
    const address = `127.0.0.1:${port}`;
    const args = [`--config.file=${join(folder, "prometheus.yml")}`, `--storage.tsdb.path=${join(folder, "data")}`];
    const child = spawn(prometheusPath("prometheus"), [...args, `--web.listen-address=${address}`], {
      stdio: "ignore",
    });
    const prometheus = new Prometheus(child, folder, `http://${address}`);
    await eventually(async () => expect((await fetch(`http://${address}/-/ready`)).status).toBe(200), {
      timeoutMs: 30_000,
    });
    return prometheus;
  }

  /** What an expression gives now. Rejects with Prometheus's words where it is wrong. */
  async query(expression: string): Promise<readonly Sample[]> {
    const answer = (await (
      await fetch(`${this.url}/api/v1/query?${new URLSearchParams({ query: expression })}`)
    ).json()) as {
      error?: string;
      data?: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    if (answer.data === undefined) throw new Error(`${expression}: ${answer.error}`);
    return answer.data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  /** Names of the alerts that fire now, each once. */
  async firing(): Promise<readonly string[]> {
    const answer = (await (await fetch(`${this.url}/api/v1/alerts`)).json()) as {
      data: { alerts: { state: string; labels: { alertname: string } }[] };
    };
    const firing = answer.data.alerts.filter(({ state }) => state === "firing");
    return [...new Set(firing.map(({ labels }) => labels.alertname))].sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
    await rm(this.#folder, { recursive: true, force: true });
  }
}
