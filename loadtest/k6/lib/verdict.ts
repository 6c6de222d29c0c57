import type { Objective } from "./objectives.ts";
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
  /** Whether a slow generator alone may be the reason for missing it. */
  readonly isTime: boolean;
}

/**
 * `passed`: every objective was met. `failed`: one was missed, and not for want of a better generator. `generator`: only times were
 * missed while the generator itself was late, so nothing can be said about the system.
 */
export type Outcome = "passed" | "failed" | "generator";

/** The judgement on a run. */
export interface Verdict {
  readonly outcome: Outcome;
  readonly objectives: readonly Judged[];
  /** How late the generator's timers were, p99; null when it wasn't seen. */
  readonly generatorLagMs: number | null;
  /** Why the generator counts as overloaded; empty when it doesn't. */
  readonly generatorProblems: readonly string[];
  /** The outcome in a sentence or two. */
  readonly text: string;
}

/** Judges a run by its objectives. `moreProblems` are signs of an overloaded generator that were seen from outside. */
export function judge(settings: LoadSettings, results: Results, moreProblems: readonly string[] = []): Verdict {
  const objectives = [
    tookPart(settings, results),
    ...objectivesOf(settings).map((objective) => judgeOne(objective, results)),
  ];
  const generatorLagMs = percentileOf(results, "generator_lag_ms", 0.99);
  const isLate = generatorLagMs !== null && generatorLagMs > settings.limits.generatorLagMs;
  const generatorProblems = [
    ...(isLate
      ? [
          `one in a hundred of its timers was ${generatorLagMs} ms late or more (limit ${settings.limits.generatorLagMs} ms)`,
        ]
      : []),
    ...moreProblems,
  ];
  const missed = objectives.filter(({ isMet }) => !isMet);
  const isTheGenerators = generatorProblems.length > 0 && missed.every(({ isTime }) => isTime);
  const outcome: Outcome = missed.length === 0 ? "passed" : isTheGenerators ? "generator" : "failed";
  return { outcome, objectives, generatorLagMs, generatorProblems, text: textOf(outcome, missed, generatorProblems) };
}

/** A process of the generator that told nothing must not count as one in which all was well. */
function tookPart({ clients }: LoadSettings, { counts }: Results): Judged {
  const reached = counts.clients;
  return {
    title: "clients started",
    reached: String(reached),
    demanded: String(clients),
    isMet: reached === clients,
    isTime: false,
  };
}

function judgeOne(objective: Objective, results: Results): Judged {
  const { title } = objective;
  switch (objective.kind) {
    case "count": {
      const reached = results.counts[objective.count];
      return {
        title,
        reached: String(reached),
        demanded: `≤ ${objective.most}`,
        isMet: reached <= objective.most,
        isTime: false,
      };
    }
    case "some": {
      const reached = results.counts[objective.count];
      return { title, reached: String(reached), demanded: "> 0", isMet: reached > 0, isTime: false };
    }
    case "share": {
      const [reached, all] = [results.counts[objective.count], results.counts[objective.of]];
      const isMet = all > 0 && reached / all >= objective.least;
      return { title, reached: `${reached} of ${all}`, demanded: `≥ ${objective.least * 100} %`, isMet, isTime: false };
    }
    case "time": {
      const reached = percentileOf(results, objective.time, objective.share);
      const isMet = reached !== null && reached <= objective.mostMs;
      const text = reached === null ? "not measured" : `${reached} ms`;
      return { title, reached: text, demanded: `≤ ${objective.mostMs} ms`, isMet, isTime: reached !== null };
    }
    default:
      return objective satisfies never;
  }
}

function textOf(outcome: Outcome, missed: readonly Judged[], generatorProblems: readonly string[]): string {
  const why = generatorProblems.join("; ");
  if (outcome === "passed")
    return `PASSED: every objective was met.${why === "" ? "" : ` The generator was late itself (${why}): the system is faster than these times say.`}`;
  const names = missed.map(({ title, reached, demanded }) => `${title}: ${reached}, demanded ${demanded}`).join("; ");
  if (outcome === "failed") return `FAILED: ${names}.${why === "" ? "" : ` The generator was late as well: ${why}.`}`;
  return `NOT JUDGED: the generator was the limit (${why}). Missed meanwhile: ${names}. Give it more processes or machines.`;
}
