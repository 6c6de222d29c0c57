import type { ContenderName, RunningContender } from "./contender.ts";
import type { StartOptions } from "./contenders.ts";
import { startContender } from "./contenders.ts";
import { Disposal } from "./disposal.ts";
import type { BenchOptions } from "./options.ts";
import type { ScenarioReport } from "./report.ts";
import type { Measurement, Scenario } from "./scenario.ts";

/** How many rounds, how long, and with whom. */
export type RoundOptions = Pick<BenchOptions, "rounds" | "duration" | "size" | "contenders" | "profileFolder"> & {
  /** Starts a contender. Default: those of the bench. */
  readonly start?: (name: ContenderName, options: StartOptions) => Promise<RunningContender>;
};

type Measurements = Map<ContenderName, Measurement[]>;

/** Measures all scenarios in each round, and tells on the console what comes out. */
export async function measureAll(
  scenarios: readonly Scenario[],
  options: RoundOptions,
): Promise<readonly ScenarioReport[]> {
  const reports = scenarios.map((scenario) => {
    const names = scenario.contenders.filter((name) => options.contenders.includes(name));
    const measurements: Measurements = new Map(names.map((name) => [name, []]));
    return { scenario, measurements };
  });
  for (let round = 0; round < options.rounds; round++) {
    for (const { scenario, measurements } of reports) {
      const names = rotated([...measurements.keys()], round);
      const record = (name: ContenderName, measurement: Measurement): void => {
        measurements.get(name)?.push(measurement);
        console.log(`round ${round + 1}/${options.rounds} ${scenario.name} ${name}: ${text(scenario, measurement)}`);
      };
      if (scenario.parts > 1) await measureInTurns({ scenario, names, options, record });
      else for (const name of names) await measureInTurns({ scenario, names: [name], options, record });
    }
  }
  return reports;
}

interface Turns {
  readonly scenario: Scenario;
  readonly names: readonly ContenderName[];
  readonly options: RoundOptions;
  readonly record: (name: ContenderName, measurement: Measurement) => void;
}

/** Has all the contenders stand at once, and measures each of them once in each part. */
async function measureInTurns({ scenario, names, options, record }: Turns): Promise<void> {
  const { profileFolder, duration, size, start = startContender } = options;
  await using disposal = new Disposal();
  const standing = new Map<ContenderName, () => Promise<Measurement>>();
  for (const name of names) standing.set(name, await stand(name));
  for (let part = 0; part < scenario.parts; part++) {
    for (const name of rotated(names, part))
      record(name, (await standing.get(name)?.()) ?? failed("it does not stand"));
  }

  async function stand(name: ContenderName): Promise<() => Promise<Measurement>> {
    try {
      const { isInspected = false, history = null, gateways = 1, dialect = "native" } = scenario;
      const { lingerSeconds = null } = scenario;
      const setup = { profileFolder, isInspected, history, gateways, dialect, lingerSeconds };
      const contender = disposal.use(await start(name, setup));
      const open = disposal.use(await scenario.open({ contender, effort: { duration, size } }));
      return async () => {
        const measurement = await open.measure().catch(failed);
        const ended = contender.processes.filter(({ isRunning }) => !isRunning);
        const problems = ended.map(({ role }) => `the ${role} process ended by itself`);
        return { values: measurement.values, problems: [...problems, ...measurement.problems] };
      };
    } catch (error) {
      return () => Promise.resolve(failed(error));
    }
  }
}

function failed(error: unknown): Measurement {
  return { values: {}, problems: [error instanceof Error ? error.message : String(error)] };
}

/** The names, beginning with another one each time, so that none is always the first. */
function rotated(names: readonly ContenderName[], by: number): ContenderName[] {
  const first = names.length === 0 ? 0 : by % names.length;
  return [...names.slice(first), ...names.slice(0, first)];
}

function text(scenario: Scenario, { values, problems }: Measurement): string {
  const figures = scenario.metrics.map(
    ({ key, title, digits }) => `${title} ${(values[key] ?? Number.NaN).toFixed(digits)}`,
  );
  return [...figures, ...problems.map((problem) => `WRONG: ${problem}`)].join(", ");
}
