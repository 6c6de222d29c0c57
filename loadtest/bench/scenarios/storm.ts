import { Disposal } from "../disposal.ts";
import { GeneratorProcess } from "../generator-process.ts";
import type { CpuTime } from "../process-usage.ts";
import { cpuTimeBetween, readCpuTime, totalMs } from "../process-usage.ts";
import type { Measurement, Scenario, ScenarioRun } from "../scenario.ts";
import { inOnePart, missingSubscribers, pidsOf } from "../scenario.ts";

const CLIENTS = 10_000;
const GENERATORS = 2;
const PARALLEL = 250;
const PUBLISHES = 3;

const NO_TIME: CpuTime = { userMs: 0, systemMs: 0 };

/** All clients lose their connection at once and come back at once. */
export const storm: Scenario = {
  name: "storm",
  title: `${CLIENTS} clients are dropped at once, come back and get ${PUBLISHES} publishes each.`,
  contenders: ["bare", "bridge", "carillon"],
  metrics: [
    { key: "lost", title: "not back", digits: 0 },
    { key: "seconds", title: "seconds until all are back", digits: 2 },
    { key: "gatewayCpuS", title: "gateway CPU s", digits: 2 },
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
  ],
  ...inOnePart((run) => measureStorm(run, CLIENTS)),
};

/** Has so many clients dropped once. */
export async function measureStorm({ contender }: ScenarioRun, clients: number): Promise<Measurement> {
  await using stack = new Disposal();
  const generators = Array.from({ length: GENERATORS }, (_, block) => stack.use(new GeneratorProcess(block)));
  const { target } = contender;
  const pids = pidsOf(contender);
  const each = clients / GENERATORS;
  const connectAll = () =>
    Promise.all(
      generators.map((generator) =>
        generator.call<"connect">({
          command: "connect",
          target,
          from: 0,
          to: each,
          channels: "shared",
          parallel: PARALLEL,
        }),
      ),
    );
  const ready = (replies: readonly { readonly ready: number }[]) =>
    replies.reduce((sum, reply) => sum + reply.ready, 0);

  const first = ready(await connectAll());
  const before = pids.map(readCpuTime);
  const began = performance.now();
  await Promise.all(generators.map((generator) => generator.call<"drop">({ command: "drop" })));
  const replies = await connectAll();
  const seconds = (performance.now() - began) / 1000;
  const used = pids.map((pid, at) => totalMs(cpuTimeBetween(before[at] ?? NO_TIME, readCpuTime(pid))));

  const [publisher] = generators;
  const published = await publisher?.call<"publish">({ command: "publish", target, count: PUBLISHES });
  const heard = await Promise.all(
    generators.map((generator) => generator.call<"expect">({ command: "expect", perSubscriber: PUBLISHES })),
  );
  return {
    values: {
      lost: clients - ready(replies),
      seconds,
      gatewayCpuS: (used[0] ?? Number.NaN) / 1000,
      cpuUsPerClient: (used.reduce((sum, ms) => sum + ms, 0) * 1000) / clients,
      retries: replies.reduce((sum, reply) => sum + reply.retries, 0),
    },
    problems: [
      ...missingSubscribers(first, clients),
      ...missingSubscribers(ready(replies), clients),
      ...(published?.problems ?? []),
      ...heard.flatMap(({ problems }) => problems),
    ],
  };
}
