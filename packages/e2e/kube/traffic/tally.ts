/** What clients went through. Everything adds up, so that several processes can count apart. */
export interface Tally {
  /** Attempts to connect that came to nothing, by what they met. */
  failedConnects: Record<string, number>;
  /** Connections that ended without having been closed by us, by their close code. */
  closes: Record<string, number>;
  /** From the end of a connection to the moment at which all subscriptions stand again, in ms. */
  downtimesMs: number[];
  /** Events that came, on all channels. */
  delivered: number;
  /** On channels with a history: numbers that never came although a later one did, or that were the last. */
  missed: number;
  /** On channels with a history: numbers that came again. */
  repeated: number;
  /** Holes behind a reply that everything was recovered. */
  falselyRecovered: number;
  /** Subscriptions that were told that everything follows. */
  recovered: number;
  /** Clients that were told that something may be missing on a channel with a history, by reason. */
  gaps: Record<string, number>;
  /** On channels without a history: numbers that never came. Expected while a client is away. */
  missedWithoutHistory: number;
  /** Clients all of whose subscriptions stand. */
  standing: number;
}

export function emptyTally(): Tally {
  return {
    failedConnects: {},
    closes: {},
    downtimesMs: [],
    delivered: 0,
    missed: 0,
    repeated: 0,
    falselyRecovered: 0,
    recovered: 0,
    gaps: {},
    missedWithoutHistory: 0,
    standing: 0,
  };
}

/** Counts one under a name. */
export function count(counts: Record<string, number>, name: string, by = 1): void {
  counts[name] = (counts[name] ?? 0) + by;
}

/** Sum of all counts. */
export function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, each) => sum + each, 0);
}

/** Adds several up. */
export function sumOf(tallies: readonly Tally[]): Tally {
  const sum = emptyTally();
  for (const tally of tallies) {
    for (const key of ["failedConnects", "closes", "gaps"] as const) {
      for (const [name, by] of Object.entries(tally[key])) count(sum[key], name, by);
    }
    sum.downtimesMs.push(...tally.downtimesMs);
    for (const key of [
      "delivered",
      "missed",
      "repeated",
      "falselyRecovered",
      "recovered",
      "missedWithoutHistory",
      "standing",
    ] as const) {
      sum[key] += tally[key];
    }
  }
  return sum;
}

/** The value below which a share of the values lies; null for none. */
export function quantile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
}
