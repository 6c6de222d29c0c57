import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { REPOSITORY } from "../bench/repository.ts";
import type { ScenarioName } from "../k6/lib/phases.ts";
import type { Results } from "../k6/lib/results.ts";
import type { ProcessReport } from "../k6/lib/summary.ts";
import { collectorSettings } from "./collector-settings.ts";

const TOOLS = join(REPOSITORY, "packages/testkit/tools");
const LAST_LINES = 20;
/** What k6 exits with when a threshold was crossed: the merged verdict says that better. */
const THRESHOLD_CROSSED = 99;

/** The path of the k6 binary that runs a scenario, which is fetched or built first where there is none. Rejects with what to do where that fails. */
export async function k6Binary(scenario: ScenarioName): Promise<string> {
  const ensure = join(TOOLS, scenario === "sse" ? "ensure-k6-sse.mjs" : "ensure-k6.mjs");
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [ensure]);
    return stdout.trim();
  } catch (cause) {
    const said = cause instanceof Error && "stderr" in cause ? String(cause.stderr).trim() : "";
    throw new Error(said === "" ? "there is no k6, and it can't be fetched" : said, { cause });
  }
}

interface K6Options {
  readonly binary: string;
  readonly scenario: ScenarioName;
  /** Which of how many. */
  readonly index: number;
  readonly count: number;
  /** Settings for the script. */
  readonly variables: Readonly<Record<string, string>>;
  /** Where it writes its results. */
  readonly reportFile: string;
  /** Port of its own API, on which its metrics are looked at while it runs. */
  readonly apiPort: number;
  /** True: clients connect from addresses of their own, 127.0.x.y. */
  readonly isLoopback: boolean;
}

// What still runs when the runner ends before its time.
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** One process of k6: a part of all clients. */
export class K6Process {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #options: K6Options;
  /** The code that it ended with, or the signal that ended it. */
  readonly #ended: Promise<number | string>;
  readonly #lastLines: string[] = [];

  constructor(options: K6Options) {
    const { binary, scenario, variables, reportFile, count } = options;
    this.#options = options;
    // By the environment, not by flags: those are for everybody on the machine to see.
    const availableMib = process.availableMemory() / 1024 ** 2;
    const collector = collectorSettings({ processes: count, availableMib, given: process.env });
    const env = { ...process.env, ...collector, ...variables, REPORT: reportFile, PROCESSES: String(count) };
    const script = join(REPOSITORY, "loadtest/k6", `${scenario}.ts`);
    const child = spawn(binary, ["run", ...flagsOf(options), script], { env, stdio: ["ignore", "pipe", "pipe"] });
    running.add(child);
    this.#child = child;
    this.pid = child.pid ?? 0;
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on("line", (line) => this.#said(line));
    this.#ended = once(child, "exit").then(([code, signal]) => {
      running.delete(child);
      return typeof code === "number" ? code : String(signal);
    });
  }

  /** True while it runs. */
  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves when it has ended, with what went wrong; null when nothing did. */
  async ended(): Promise<string | null> {
    const end = await this.#ended;
    if (end === 0 || end === THRESHOLD_CROSSED) return null;
    const how = typeof end === "number" ? `with code ${end}` : `by ${end} from outside`;
    return `process ${this.#options.index + 1} of k6 ended ${how}:\n${this.#lastLines.join("\n")}`;
  }

  /** What a counter or gauge has come to so far; 0 when it can't be asked. */
  async metric(name: string): Promise<number> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.#options.apiPort}/v1/metrics/${name}`);
      const body = (await answer.json()) as { data?: { attributes?: { sample?: Record<string, number> } } };
      const sample = body.data?.attributes?.sample ?? {};
      return sample["count"] ?? sample["value"] ?? 0;
    } catch {
      // Not there yet, or there no more.
      return 0;
    }
  }

  /** Its results; null when it wrote none. */
  async results(): Promise<Results | null> {
    try {
      const report = JSON.parse(await readFile(this.#options.reportFile, "utf8")) as ProcessReport;
      return report.results;
    } catch {
      // It ended too early; `ended` says why.
      return null;
    }
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isRunning) this.#child.kill("SIGKILL");
    await this.#ended;
  }

  #said(line: string): void {
    // What the script has to say: why a client is not there, for instance.
    if (line.endsWith(" source=console")) console.error(line);
    this.#lastLines.push(line);
    if (this.#lastLines.length > LAST_LINES) this.#lastLines.shift();
  }
}

function flagsOf({ index, count, apiPort, isLoopback }: K6Options): string[] {
  const cuts = Array.from({ length: count + 1 }, (_, cut) =>
    cut === 0 ? "0" : cut === count ? "1" : `${cut}/${count}`,
  );
  const segment = [
    "--execution-segment",
    `${cuts[index]}:${cuts[index + 1]}`,
    "--execution-segment-sequence",
    cuts.join(","),
  ];
  return [
    "--quiet",
    "--no-usage-report",
    "--address",
    `127.0.0.1:${apiPort}`,
    ...(count === 1 ? [] : segment),
    // Many source addresses: one has no more than some 28,000 ports towards each gateway.
    ...(isLoopback ? ["--local-ips", `127.0.${20 + (index % 200)}.1-127.0.${20 + (index % 200)}.250`] : []),
  ];
}
