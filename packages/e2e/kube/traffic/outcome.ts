import { type Tally, total } from "./tally.ts";

/** What clients noticed of something that happened to the cluster. */
export interface Outcome {
  readonly tally: Tally;
  /** Connections that ended, per client. */
  readonly disconnectsPerClient: number;
  readonly downtimeP50Ms: number | null;
  readonly downtimeP99Ms: number | null;
  /** Connections of the fullest gateway, over the mean, when all was over. */
  readonly imbalance: number;
  readonly gateways: number;
  /** Publishes that had to be sent again, by what they met. */
  readonly retries: Readonly<Record<string, number>>;
}

/** Heads of {@link outcomeCells}, in its order. */
export const OUTCOME_COLUMNS = [
  "what happens",
  "failed connects",
  "closes by code",
  "disconnects a client",
  "away p50 / p99",
  "missed with history",
  "falsely recovered",
  "told of a gap",
  "missed without history",
  "publishes sent again",
  "max / mean after",
] as const;

/** An outcome as a row of a table. */
export function outcomeCells(what: string, { tally, ...outcome }: Outcome): readonly string[] {
  return [
    what,
    counts(tally.failedConnects),
    counts(tally.closes),
    outcome.disconnectsPerClient.toFixed(2),
    `${seconds(outcome.downtimeP50Ms)} / ${seconds(outcome.downtimeP99Ms)}`,
    String(tally.missed),
    `${tally.falselyRecovered} of ${tally.recovered}`,
    counts(tally.gaps),
    String(tally.missedWithoutHistory),
    counts(outcome.retries),
    `${outcome.imbalance.toFixed(2)} of ${outcome.gateways}`,
  ];
}

function counts(values: Readonly<Record<string, number>>): string {
  if (total(values) === 0) return "0";
  return Object.entries(values)
    .map(([name, value]) => `${value} × ${name}`)
    .join(", ");
}

function seconds(ms: number | null): string {
  return ms === null ? "–" : `${(ms / 1000).toFixed(1)} s`;
}
