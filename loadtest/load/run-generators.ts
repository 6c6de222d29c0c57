import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Disposal } from "../bench/disposal.ts";
import type { ServerProcess } from "../bench/server-process.ts";
import { freePort } from "../bench/server-process.ts";
import { planOf } from "../k6/lib/plan.ts";
import type { Results } from "../k6/lib/results.ts";
import { mergeResults } from "../k6/lib/results.ts";
import type { LoadSettings } from "../k6/lib/settings.ts";
import { K6Process } from "./k6-process.ts";
import { Recorder } from "./recorder.ts";

const LOOK_MS = 1_000;
const TELL_EVERY_MS = 2_000;

interface GeneratorsOptions {
  readonly binary: string;
  readonly settings: LoadSettings;
  readonly variables: Readonly<Record<string, string>>;
  /** For the results of each process. */
  readonly folder: string;
  /** The processes under test that run here. */
  readonly system: readonly ServerProcess[];
  readonly stack: Disposal;
}

/** What came of it. */
export interface GeneratorsOutcome {
  readonly results: Results;
  readonly recorder: Recorder;
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
  const recorder = new Recorder({ generators, system });
  await watch(generators, recorder, settings);
  recorder.finish();
  const problems = (await Promise.all(generators.map((each) => each.ended()))).filter((problem) => problem !== null);
  const results = (await Promise.all(generators.map((each) => each.results()))).filter((each) => each !== null);
  return { results: mergeResults(results), recorder, problems };
}

async function watch(generators: readonly K6Process[], recorder: Recorder, settings: LoadSettings): Promise<void> {
  const names = ["connecting", ...planOf(settings).map(({ name }) => name)];
  let toldMs = 0;
  while (generators.some(({ isRunning }) => isRunning)) {
    await delay(LOOK_MS);
    const { moment, phase } = await recorder.look();
    if (performance.now() - toldMs < TELL_EVERY_MS) continue;
    toldMs = performance.now();
    const memory = moment.memoryMib === null ? "" : `, ${moment.memoryMib} MiB under test`;
    console.log(
      `  ${moment.second.toFixed(0).padStart(4)} s  ${(names[phase] ?? "").padEnd(10)} ${moment.connected} connected, ${moment.deliveriesPerSecond} deliveries/s${memory}`,
    );
  }
}
