import type { Objective, TimeName } from "./objectives.ts";
import { objectivesOf } from "./objectives.ts";
import type { Results } from "./results.ts";
import { percentileOf } from "./results.ts";
import type { LoadSettings } from "./settings.ts";

/** An objective, and what was reached. */
export interface Judged {
  readonly title: string;
  readonly reached: string;
  readonly demanded: string;
  readonly isMet: boolean;
  /** `not judged`: missed, but the generator alone may be the reason, and it was late. */
  readonly result: "met" | "missed" | "not judged";
}

/**
 * `passed`: every objective was met. `failed`: one was missed, and not for want of a better generator. `generator`: none was missed
 * that could be judged, but the generator itself was late, so nothing is said about the system's times.
 */
export type Outcome = "passed" | "failed" | "generator";

/** The judgement on a run. */
export interface Verdict {
  readonly outcome: Outcome;
  readonly objectives: readonly Judged[];
  /** How late the generator's timers were while deliveries were measured, p99; null when it wasn't seen. */
  readonly generatorLagMs: number | null;
  /** Why the generator counts as overloaded; empty when it doesn't. */
  readonly generatorProblems: readonly string[];
  /** The outcome in a sentence or two. */
  readonly text: string;
}

/** What was reached of an objective, before it is known how the generator got on. */
interface Measured extends Pick<Judged, "title" | "reached" | "demanded" | "isMet"> {
  /** Which lateness of the generator alone may be the reason for missing it; empty where none may. */
  readonly excuses: readonly TimeName[];
}

/** The generator's lateness, by what it was doing. */
const LAGS = [
  ["connect_lag_ms", "while clients connected"],
  ["generator_lag_ms", "while deliveries were measured"],
] as const satisfies readonly (readonly [TimeName, string])[];
const CONNECTING: readonly TimeName[] = ["connect_lag_ms"];
const RECEIVING: readonly TimeName[] = ["generator_lag_ms"];
const ANY: readonly TimeName[] = [...CONNECTING, ...RECEIVING];
/** Clients come back in a storm, and while others receive. */
const EXCUSES: Partial<Readonly<Record<TimeName, readonly TimeName[]>>> = { connect_ms: CONNECTING, reconnect_ms: ANY };

/** What was seen of the generator from outside. */
export interface Seen {
  /** Signs that it was overloaded. */
  readonly problems?: readonly string[];
  /** Processes of it whose results are here, each once, and that ended well. Absent: all. */
  readonly processes?: number;
}

/** Judges a run by its objectives. */
export function judge(settings: LoadSettings, results: Results, seen: Seen = {}): Verdict {
  const { problems: moreProblems = [] } = seen;
  const generatorLagMs = percentileOf(results, "generator_lag_ms", 0.99);
  const { generatorLagMs: limitMs } = settings.limits;
  const late = LAGS.flatMap(([time, doing]) => {
    const lagMs = percentileOf(results, time, 0.99);
    return lagMs === null || lagMs <= limitMs ? [] : [{ time, lagMs, doing }];
  });
  const generatorProblems = [
    ...late.map(
      ({ lagMs, doing }) =>
        `${doing}, one in a hundred of its timers was ${lagMs} ms late or more (limit ${limitMs} ms)`,
    ),
    ...moreProblems,
  ];
  const measured = [
    ...tookPart(settings, results, seen),
    ...objectivesOf(settings).map((each) => measure(each, results)),
  ];
  const objectives = measured.map(({ excuses, ...each }): Judged => {
    const isExcused =
      excuses.length > 0 && (moreProblems.length > 0 || late.some(({ time }) => excuses.includes(time)));
    return { ...each, result: each.isMet ? "met" : isExcused ? "not judged" : "missed" };
  });
  const has = (result: Judged["result"]): boolean => objectives.some((each) => each.result === result);
  const outcome: Outcome = has("missed") ? "failed" : has("not judged") ? "generator" : "passed";
  return {
    outcome,
    objectives,
    generatorLagMs,
    generatorProblems,
    text: textOf(outcome, objectives, generatorProblems) + cutOf(results),
  };
}

/** A process of the generator that told nothing must not count as one in which all was well. */
function tookPart({ clients, processes }: LoadSettings, { counts }: Results, seen: Seen): readonly Measured[] {
  const all = (title: string, reached: number, demanded: number): Measured => ({
    title,
    reached: String(reached),
    demanded: String(demanded),
    isMet: reached === demanded,
    excuses: [],
  });
  return [
    all("clients started", counts.clients, clients),
    ...(seen.processes === undefined ? [] : [all("processes of k6 that told all", seen.processes, processes)]),
  ];
}

function measure(objective: Objective, results: Results): Measured {
  const { title } = objective;
  switch (objective.kind) {
    case "count": {
      const { most, mayBeGenerators } = objective;
      const reached = results.counts[objective.count];
      const excuses = mayBeGenerators ? ANY : [];
      return { title, reached: String(reached), demanded: `≤ ${most}`, isMet: reached <= most, excuses };
    }
    case "some": {
      const reached = results.counts[objective.count];
      return { title, reached: String(reached), demanded: "> 0", isMet: reached > 0, excuses: [] };
    }
    case "share": {
      const [reached, all] = [results.counts[objective.count], results.counts[objective.of]];
      const isMet = all > 0 && reached / all >= objective.least;
      const demanded = `≥ ${objective.least * 100} %`;
      return { title, reached: `${reached} of ${all}`, demanded, isMet, excuses: [] };
    }
    case "time": {
      const reached = percentileOf(results, objective.time, objective.share);
      const isMet = reached !== null && reached <= objective.mostMs;
      const text = reached === null ? "not measured" : `${reached} ms`;
      // What was never measured was not measured late.
      const excuses = reached === null ? [] : (EXCUSES[objective.time] ?? RECEIVING);
      return { title, reached: text, demanded: `≤ ${objective.mostMs} ms`, isMet, excuses };
    }
    default:
      return objective satisfies never;
  }
}

/** What a run that was interrupted did not measure looks like failures of the system. */
function cutOf({ counts }: Results): string {
  if (counts.finished >= counts.clients) return "";
  return " Threads of k6 were cut off before the end (a run that was interrupted, for instance): what was not measured says nothing about the system.";
}

function textOf(outcome: Outcome, objectives: readonly Judged[], generatorProblems: readonly string[]): string {
  const namesOf = (result: Judged["result"]): string =>
    objectives
      .filter((each) => each.result === result)
      .map(({ title, reached, demanded }) => `${title}: ${reached}, demanded ${demanded}`)
      .join("; ");
  const why = generatorProblems.join("; ");
  const notJudged = namesOf("not judged");
  const more = "Give it more processes, cores or machines, or ask for less.";
  switch (outcome) {
    case "passed":
      return `PASSED: every objective was met.${why === "" ? "" : ` The generator was late itself (${why}): the system is faster than these times say.`}`;
    case "generator":
      return `NOT JUDGED: the generator was the limit, so nothing is said about times: ${why}. All that does not depend on the generator's speed was met. Seen meanwhile, and as likely its own: ${notJudged}. ${more}`;
    case "failed": {
      const times =
        notJudged === ""
          ? "The generator was late as well, but no time was missed"
          : `No time that was missed is judged, as the generator was the limit (seen meanwhile: ${notJudged})`;
      return `FAILED: ${namesOf("missed")}.${why === "" ? "" : ` ${times}: ${why}.`}`;
    }
    default:
      return outcome satisfies never;
  }
}
