import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ScenarioName } from "../k6/lib/phases.ts";
import type { Results } from "../k6/lib/results.ts";
import type { Verdict } from "../k6/lib/verdict.ts";

/** The runner, as `make load` starts it. */
export const MAIN = fileURLToPath(new URL("../dist/load/main.js", import.meta.url));

const ENSURE_K6 = fileURLToPath(new URL("../../packages/testkit/tools/ensure-k6.mjs", import.meta.url));

/** What a run of the runner came to. */
export interface LoadRun {
  readonly exitCode: number | null;
  readonly output: string;
  /** null when it wrote no report. */
  readonly report: { readonly verdict: Verdict; readonly results: Results } | null;
  /** The page; "" when it wrote none. */
  readonly html: string;
  /** Titles of the objectives that were missed. */
  readonly missed: readonly string[];
}

/**
 * Runs `make load` with settings, as a process of its own. Times are not judged unless a setting says so: how fast this machine is
 * at the moment is not what is tested.
 */
export async function runLoad(settings: Readonly<Record<string, string>>): Promise<LoadRun> {
  const folder = await mkdtemp(join(tmpdir(), "carillon-load-test-"));
  const untimed = {
    SLO_CONNECT_P99: "0",
    SLO_P50: "0",
    SLO_P95: "0",
    SLO_P99: "0",
    SLO_UNICAST_P99: "0",
    SLO_RECONNECT: "0",
  };
  const variables = { N: "40", DURATION: "2", HOLD: "2", RATE: "5", GENERATOR_LAG: "60000", GENERATOR_IDLE: "0" };
  try {
    const env = { ...process.env, ...untimed, ...variables, OUT: folder, ...settings };
    const child = spawn(process.execPath, [MAIN], { env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        output += String(chunk);
      });
    }
    const [exitCode] = (await once(child, "close")) as [number | null];
    const name = `load-${settings["SCENARIO"] ?? "full"}`;
    const read = async (ending: string): Promise<string> =>
      await readFile(join(folder, `${name}.${ending}`), "utf8").catch(() => "");
    const json = await read("json");
    const report = json === "" ? null : (JSON.parse(json) as LoadRun["report"]);
    const missed = report?.verdict.objectives.filter(({ isMet }) => !isMet).map(({ title }) => title) ?? [];
    return { exitCode, output, report, html: await read("html"), missed };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a script of k6 alone, as the page says, and reads the report that it writes where it runs. */
export async function runScript(
  scenario: ScenarioName,
  settings: Readonly<Record<string, string>>,
): Promise<{ readonly exitCode: number | null; readonly verdict: Verdict }> {
  const folder = await mkdtemp(join(tmpdir(), "carillon-load-script-"));
  try {
    const script = fileURLToPath(new URL(`../k6/${scenario}.ts`, import.meta.url));
    const args = ["run", "--quiet", "--no-usage-report", "--address", "127.0.0.1:0", script];
    const env = { ...process.env, ...settings };
    const { stdout: k6 } = await promisify(execFile)(process.execPath, [ENSURE_K6]);
    const child = spawn(k6.trim(), args, { cwd: folder, env, stdio: "ignore" });
    const [exitCode] = (await once(child, "close")) as [number | null];
    const report = JSON.parse(await readFile(join(folder, `load-${scenario}.json`), "utf8")) as { verdict: Verdict };
    return { exitCode, verdict: report.verdict };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
