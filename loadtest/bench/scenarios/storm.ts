import { Disposal } from "../disposal.ts";
import { GeneratorProcess } from "../generator-process.ts";
import { cpuTimeBetween, readCpuTime, totalMs } from "../process-usage.ts";
import type { Measurement, Scenario, ScenarioRun } from "../scenario.ts";
import { inOnePart, missingSubscribers, pidsOf } from "../scenario.ts";

const CLIENTS = 10_000;
const GENERATORS = 2;
const PARALLEL = 250;
const PUBLISHES = 3;

/** Drops after the first that have the rest of the code compiled, and those behind them, of which the mean is told. */
const WARMING = 2;
const WARM = 3;

/** All clients lose their connection at once and come back at once: to a gateway that has just begun, and to one that has run for a while. */
export const storm: Scenario = {
  name: "storm",
  title: `${CLIENTS} clients are dropped at once, come back and get ${PUBLISHES} publishes each ("first"); in the same processes, ${WARM} times more after ${WARMING} that have the code compiled ("again").`,
  contenders: ["bare", "bridge", "carillon"],
  metrics: [
    { key: "lost", title: "not back", digits: 0 },
    { key: "seconds", title: "seconds until all are back", digits: 2 },
    { key: "gatewayCpuS", title: "gateway CPU s", digits: 2 },
    { key: "gatewayUs", title: "gateway CPU µs per client, first", digits: 0 },
    { key: "warmGatewayUs", title: "again", digits: 0 },
    { key: "retries", title: "attempts made again", digits: 0 },
  ],
  goals: [
    {
      title: `clients not back after a drop of ${CLIENTS}`,
      metric: "lost",
      contender: "carillon",
      baseline: null,
      limit: 0,
      unit: "",
    },
    {
      title: "gateway CPU per client back after a drop, warm",
      metric: "warmGatewayUs",
      contender: "carillon",
      baseline: "bare",
      limit: 1.5,
      unit: "",
    },
  ],
  ...inOnePart((run) => measureWarmStorm(run, CLIENTS)),
};

/** Has so many clients dropped once. */
export async function measureStorm(run: ScenarioRun, clients: number): Promise<Measurement> {
  await using crowd = await StormCrowd.connect(run, clients);
  return await crowd.measureDrop();
}

/** The same, and then what a client costs when it is dropped again. */
async function measureWarmStorm(run: ScenarioRun, clients: number): Promise<Measurement> {
  await using crowd = await StormCrowd.connect(run, clients);
  const first = await crowd.measureDrop();
  const again: Measurement[] = [];
  while (again.length < WARMING + WARM) again.push(await crowd.measureDrop());
  const counted = again.slice(WARMING).map(({ values }) => values["gatewayUs"] ?? Number.NaN);
  return {
    values: {
      ...first.values,
      lost: Math.max(...[first, ...again].map(({ values }) => values["lost"] ?? Number.NaN)),
      warmGatewayUs: counted.reduce((sum, us) => sum + us, 0) / WARM,
    },
    problems: [first, ...again].flatMap(({ problems }) => problems),
  };
}

/** The clients of one contender. */
class StormCrowd implements AsyncDisposable {
  readonly #stack = new Disposal();
  readonly #generators: readonly GeneratorProcess[];
  readonly #contender: ScenarioRun["contender"];
  readonly #clients: number;
  /** What went wrong when they connected for the first time. */
  #problems: readonly string[] = [];

  private constructor({ contender }: ScenarioRun, clients: number) {
    this.#contender = contender;
    this.#clients = clients;
    this.#generators = Array.from({ length: GENERATORS }, (_, block) => this.#stack.use(new GeneratorProcess(block)));
  }

  static async connect(run: ScenarioRun, clients: number): Promise<StormCrowd> {
    const crowd = new StormCrowd(run, clients);
    try {
      crowd.#problems = missingSubscribers((await crowd.#connect()).ready, clients);
      return crowd;
    } catch (error) {
      await crowd[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Drops all of them once, has them come back, and publishes to them. */
  async measureDrop(): Promise<Measurement> {
    const pids = pidsOf(this.#contender);
    const before = pids.map((pid) => ({ pid, time: readCpuTime(pid) }));
    const began = performance.now();
    await Promise.all(this.#generators.map((generator) => generator.call<"drop">({ command: "drop" })));
    const { ready, retries } = await this.#connect();
    const seconds = (performance.now() - began) / 1000;
    const used = before.map(({ pid, time }) => totalMs(cpuTimeBetween(time, readCpuTime(pid))));
    const gatewayMs = used[0] ?? Number.NaN;
    const problems = [...this.#problems, ...missingSubscribers(ready, this.#clients), ...(await this.#publish())];
    this.#problems = [];
    return {
      values: {
        lost: this.#clients - ready,
        seconds,
        gatewayCpuS: gatewayMs / 1000,
        gatewayUs: (gatewayMs * 1000) / this.#clients,
        cpuUsPerClient: (used.reduce((sum, ms) => sum + ms, 0) * 1000) / this.#clients,
        retries,
      },
      problems,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }

  async #connect(): Promise<{ readonly ready: number; readonly retries: number }> {
    const { target } = this.#contender;
    const to = this.#clients / GENERATORS;
    const replies = await Promise.all(
      this.#generators.map((generator) =>
        generator.call<"connect">({
          command: "connect",
          target,
          from: 0,
          to,
          channels: "shared",
          parallel: PARALLEL,
        }),
      ),
    );
    return {
      ready: replies.reduce((sum, reply) => sum + reply.ready, 0),
      retries: replies.reduce((sum, reply) => sum + reply.retries, 0),
    };
  }

  /** Says in words what didn't arrive. */
  async #publish(): Promise<string[]> {
    const { target } = this.#contender;
    const [publisher] = this.#generators;
    const published = await publisher?.call<"publish">({ command: "publish", target, count: PUBLISHES });
    const heard = await Promise.all(
      this.#generators.map((generator) => generator.call<"expect">({ command: "expect", perSubscriber: PUBLISHES })),
    );
    return [...(published?.problems ?? []), ...heard.flatMap(({ problems }) => problems)];
  }
}
