/** Runs a load test over several processes of k6 and judges them as one. `make load` with HELP=1 says how; docs/load-testing.md what it means. */
import { execFile } from "node:child_process";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Disposal } from "../bench/disposal.ts";
import { describeMachine } from "../bench/machine.ts";
import { REPOSITORY } from "../bench/repository.ts";
import { readSettings, usualThreads } from "../k6/lib/settings.ts";
import { lineOf } from "../k6/lib/summary.ts";
import type { Outcome } from "../k6/lib/verdict.ts";
import { judge } from "../k6/lib/verdict.ts";
import { k6Binary } from "./k6-process.ts";
import type { LocalPlan } from "./local-plan.ts";
import { planLocally } from "./local-plan.ts";
import { startLocalSystem } from "./local-system.ts";
import type { RunnerOptions } from "./options.ts";
import { DEFAULT_CLIENTS, readRunnerOptions, USAGE } from "./options.ts";
import { writeReport } from "./report.ts";
import { runGenerators } from "./run-generators.ts";
import { temporaryFolder } from "./temporary-folder.ts";

type Variables = Readonly<Record<string, string>>;

const EXIT_CODES: Readonly<Record<Outcome, number>> = { passed: 0, failed: 1, generator: 3 };
const USAGE_ERROR = 2;
const INTERRUPTED = 130;
const UNPLANNED: LocalPlan = { variables: {}, text: null };

// By default a signal ends this process only, and would leave the others behind: they are stopped on exit.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  // `on`: with `once`, another Ctrl-C would end this process before it has stopped the others.
  process.on(signal, () => {
    console.error("Interrupted: there is no verdict, and no report of this run.");
    process.exit(INTERRUPTED);
  });
}
process.exitCode = await main(process.env);

async function main(environment: Readonly<Record<string, string | undefined>>): Promise<number> {
  if (environment["HELP"] !== undefined) {
    console.log(USAGE);
    return 0;
  }
  let options: RunnerOptions;
  let plan: LocalPlan;
  let binary: string;
  const given = definedOnly(environment);
  const isElsewhere = (given["URL"] ?? "") !== "";
  // Settings are refused before anything is started; what is started here has addresses only later.
  const placeholder = isElsewhere
    ? {}
    : { URL: "ws://127.0.0.1", PUBLISH_URL: "http://127.0.0.1", PUBLISH_SECRET: "x", SECRET: "x", HISTORY: "yes" };
  let base: Variables;
  try {
    options = readRunnerOptions(environment);
    base = withDefaults(given, options.processes);
    readSettings(options.scenario, { ...base, ...placeholder });
    // What is asked of an installation of the user's own doesn't depend on the machine that asks.
    plan = isElsewhere ? UNPLANNED : planLocally(Number(base["N"]), availableParallelism(), given);
    base = { ...base, ...plan.variables };
    binary = await k6Binary(options.scenario);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\nHELP=1 shows all settings.`);
    return USAGE_ERROR;
  }
  const stack = new Disposal();
  try {
    return await load({ options, base, plan, binary, stack });
  } finally {
    await stack[Symbol.asyncDispose]();
  }
}

interface LoadOptions {
  readonly options: RunnerOptions;
  /** All settings except addresses and secrets of what is started here. */
  readonly base: Variables;
  readonly plan: LocalPlan;
  readonly binary: string;
  readonly stack: Disposal;
}

async function load({ options, base, plan, binary, stack }: LoadOptions): Promise<number> {
  const { scenario, gateways, processes } = options;
  const began = performance.now();
  const [loadBefore = 0] = loadavg();
  const folder = await temporaryFolder("carillon-load-results-", stack);
  const system = gateways === null ? null : await startLocalSystem(gateways, stack);
  const variables = { ...base, ...(system?.variables ?? {}) };
  const settings = { ...readSettings(scenario, variables), processes };
  console.log(
    `${scenario}: ${settings.clients} clients on ${settings.urls.length} gateway address(es), ${processes} process(es) of k6, ${settings.protocol}`,
  );
  if (plan.text !== null) console.log(`${plan.text}. What you set yourself stays as it is.`);
  const {
    results,
    recorder,
    processes: told,
    problems,
  } = await runGenerators({
    binary,
    settings,
    variables,
    folder,
    system,
    stack,
  });
  const verdict = judge(settings, results, {
    problems: recorder.generatorProblems(settings.limits.generatorIdleShare),
    processes: told,
  });
  const version = await promisify(execFile)(binary, ["version"]);
  const report = {
    command: commandOf(base),
    date: new Date().toISOString().slice(0, 10),
    seconds: (performance.now() - began) / 1_000,
    machine: await describeMachine(),
    loadBefore,
    plan: plan.text,
    k6: { version: /v(\S+)/.exec(version.stdout)?.[1] ?? "unknown", processes },
    settings,
    results,
    verdict,
    marks: recorder.marks,
    timeline: recorder.moments,
  };
  const folderOut = options.outFolder ?? join(REPOSITORY, "loadtest/dist/load");
  const paths = await writeReport(report, {
    folder: folderOut,
    name: `load-${scenario}`,
    forms: ["md", "json", "html"],
  });
  if (options.writesDocs) {
    const name = `load-${scenario}-${settings.clients}`;
    await writeReport(report, { folder: join(REPOSITORY, "docs/benchmarks"), name, forms: ["md", "json"] });
  }
  for (const objective of verdict.objectives) console.log(lineOf(objective));
  for (const problem of problems) console.error(problem);
  console.log(`\n${verdict.text}\n\nReport: ${paths.filter((path) => path.endsWith(".html")).join(", ")}`);
  return EXIT_CODES[verdict.outcome];
}

/** What all processes of k6 have to agree on. */
function withDefaults(given: Variables, processes: number): Variables {
  const clients = given["N"] || String(DEFAULT_CLIENTS);
  const threads = given["VUS"] || String(usualThreads(Number(clients), processes));
  return { ...given, N: clients, VUS: threads, RUN: given["RUN"] || Date.now().toString(36) };
}

/** The settings that were given, as one would type them; secrets and what make and the shell add aside. */
function commandOf(variables: Variables): string {
  const shown = [
    "N",
    "SCENARIO",
    "PROTOCOL",
    "GATEWAYS",
    "PROCESSES",
    "VUS",
    "RAMP",
    "HOLD",
    "DURATION",
    "RATE",
    "UNICAST_RATE",
    "PAYLOAD",
    "CHURN",
    "STORM_SPREAD",
  ];
  const slo = Object.keys(variables).filter((name) => name.startsWith("SLO_"));
  const given = [...shown, ...slo].filter((name) => process.env[name] !== undefined && process.env[name] !== "");
  return ["make load", ...given.map((name) => `${name}=${process.env[name]}`)].join(" ");
}

function definedOnly(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
}
