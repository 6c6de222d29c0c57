import type { LoadReply, LoadShape } from "../generator/messages.ts";
import { GeneratorProcess } from "../generator-process.ts";
import type { Measurement, OpenScenario, ScenarioRun } from "../scenario.ts";
import { missingSubscribers, pidsOf } from "../scenario.ts";

/** Connections under way at once. */
const PARALLEL = 100;

/** Right after connecting: as much as goes through, so that the code is compiled before anything is measured. */
const FIRST_LOAD_MS = 4_000;

/** Before each measurement, for the caches: others had the cores meanwhile. */
const WARM_UP_MS = 300;

/** Who listens while a load is on. */
interface Audience {
  readonly subscribers: number;
  /** `shared`: all on one channel; `own`: each on its own. */
  readonly channels: "shared" | "own";
}

/** Publishes to the audience for so many milliseconds (in a full run). */
type Load = (shape: LoadShape, measureMs: number) => Promise<LoadReply>;

/** Connects an audience from a generator of its own; `measure` puts loads on it. */
export async function openLoadScenario(
  { contender, effort }: ScenarioRun,
  { subscribers, channels }: Audience,
  measure: (load: Load) => Promise<Measurement>,
): Promise<OpenScenario> {
  const generator = new GeneratorProcess();
  const { target } = contender;
  const load: Load = (shape, measureMs) =>
    generator.call<"load">({
      command: "load",
      target,
      channels,
      shape,
      warmUpMs: WARM_UP_MS,
      measureMs: measureMs * effort.duration,
      pids: pidsOf(contender),
    });
  try {
    const connected = await generator.call<"connect">({
      command: "connect",
      target,
      from: 0,
      to: subscribers,
      channels,
      parallel: PARALLEL,
    });
    const first = await load({ kind: "closed-loop", outstanding: 16 }, FIRST_LOAD_MS);
    const problemsBefore = [...missingSubscribers(connected.ready, subscribers), ...first.problems];
    return {
      measure: async () => {
        const { values, problems } = await measure(load);
        return { values, problems: [...problemsBefore.splice(0), ...problems] };
      },
      [Symbol.asyncDispose]: () => generator[Symbol.asyncDispose](),
    };
  } catch (error) {
    await generator[Symbol.asyncDispose]();
    throw error;
  }
}
