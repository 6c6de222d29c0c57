import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Disposal } from "../bench/disposal.ts";
import { freePort } from "../bench/server-process.ts";
import type { Moment } from "../k6/lib/page.ts";
import { planOf } from "../k6/lib/plan.ts";
import type { Results } from "../k6/lib/results.ts";
import { mergeResults } from "../k6/lib/results.ts";
import type { LoadSettings } from "../k6/lib/settings.ts";
import { K6Process } from "./k6-process.ts";
import type { LocalSystem } from "./local-system.ts";
import { Recorder } from "./recorder.ts";

const LOOK_MS = 1_000;
const TELL_EVERY_MS = 2_000;

interface GeneratorsOptions {
  readonly binary: string;
  readonly settings: LoadSettings;
  readonly variables: Readonly<Record<string, string>>;
  /** For the results of each process. */
  readonly folder: string;
  /** The installation under test, where it runs here. */
  readonly system: LocalSystem | null;
  readonly stack: Disposal;
}

/** What came of it. */
export interface GeneratorsOutcome {
  readonly results: Results;
  readonly recorder: Recorder;
  /** How many processes of k6 told their results and ended well. */
  readonly processes: number;
  /** Processes of k6 that broke, with their last words. */
  readonly problems: readonly string[];
}

/** Runs all processes of k6 side by side, shows how they get on, and puts their results together. */
export async function runGenerators(options: GeneratorsOptions): Promise<GeneratorsOutcome> {
  const { binary, settings, variables, folder, system, stack } = options;
  const generators: K6Process[] = [];
  for (let index = 0; index < settings.processes; index++) {
    const process = new K6Process({
      binary,
      scenario: settings.scenario,
      index,
      count: settings.processes,
      variables,
      reportFile: join(folder, `results-${index}.json`),
      apiPort: await freePort(),
      isLoopback: settings.urls.every((url) => /^ws:\/\/127\./.test(url)),
    });
    generators.push(stack.use(process));
  }
  const recorder = new Recorder({ generators, system: () => system?.processes ?? [] });
  await watch({ generators, recorder, settings, system });
  recorder.finish();
  const ends = await Promise.all(generators.map((each) => each.ended()));
  const told = await Promise.all(generators.map((each) => each.results()));
  return {
    results: mergeResults(told.filter((each) => each !== null)),
    recorder,
    processes: generators.filter((_, index) => ends[index] === null && told[index] !== null).length,
    problems: ends.filter((problem) => problem !== null),
  };
}

interface Watched {
  readonly generators: readonly K6Process[];
  readonly recorder: Recorder;
  readonly settings: LoadSettings;
  readonly system: LocalSystem | null;
}

async function watch({ generators, recorder, settings, system }: Watched): Promise<void> {
  const names = ["connecting", ...planOf(settings).map(({ name }) => name)];
  let toldMs = 0;
  let rolled: Promise<void> | null = null;
  while (generators.some(({ isRunning }) => isRunning)) {
    await delay(LOOK_MS);
    const { moment, phase } = await recorder.look();
    if (system !== null && names[phase] === "watch") rolled ??= system.rollGateways();
    if (performance.now() - toldMs < TELL_EVERY_MS || generators.some(({ isRunning }) => !isRunning)) continue;
    toldMs = performance.now();
    console.log(`  ${lineOf(moment, names[phase] ?? "")}`);
  }
  await rolled;
}

function lineOf(moment: Moment, phase: string): string {
  const memory = moment.memoryMib === null ? "" : `, ${moment.memoryMib} MiB under test`;
  const when = `${moment.second.toFixed(0).padStart(4)} s  ${phase.padEnd(10)}`;
  return `${when} ${moment.connected} connected, ${moment.deliveriesPerSecond} deliveries/s${memory}`;
}
