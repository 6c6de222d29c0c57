import type { PhaseName } from "./phases.ts";
import { SCENARIOS } from "./phases.ts";
import type { LoadSettings } from "./settings.ts";

/** How long what was published last may be under way, and how long a storm may last, in seconds. */
const LATE_SECONDS = 130;
const STORM_SECONDS = 90;

/** One phase of a run. */
export interface PlannedPhase {
  /** 1 and up: what its publications and reports say they belong to. */
  readonly number: number;
  readonly name: PhaseName;
  readonly seconds: number;
}

/** The phases of a run, in order. */
export function planOf(settings: LoadSettings): readonly PlannedPhase[] {
  return SCENARIOS[settings.scenario].map((name, index) => ({
    number: index + 1,
    name,
    seconds: secondsOf(name, settings),
  }));
}

/** The longest that a run may take once k6 has begun, in seconds. Whoever has heard nothing of the end by then has lost it. */
export function longestSeconds(settings: LoadSettings): number {
  const phases = planOf(settings).map(
    (phase) => phase.seconds + LATE_SECONDS + (phase.name === "storm" ? STORM_SECONDS : 0),
  );
  return settings.rampSeconds + settings.connectSeconds + phases.reduce((sum, seconds) => sum + seconds, LATE_SECONDS);
}

/** How long to wait for the clients' reports on a phase, from its end on, in seconds. */
export function reportSeconds(phase: PhaseName): number {
  return phase === "storm" ? STORM_SECONDS : LATE_SECONDS;
}

function secondsOf(name: PhaseName, { holdSeconds, measureSeconds, stormSpreadSeconds }: LoadSettings): number {
  if (name === "hold" || name === "churn") return holdSeconds;
  return name === "storm" ? stormSpreadSeconds : measureSeconds;
}
