import type { ContenderName } from "../contender.ts";
import type { ScenarioReport } from "../report.ts";
import { medianOf, ratiosOf, valuesOf } from "../results.ts";
import { median } from "../statistics.ts";

/** What contenders are compared by: a metric of a scenario. */
export interface Column {
  readonly scenario: string;
  readonly metric: string;
  readonly title: string;
  /** Digits behind the point. */
  readonly digits: number;
  /** True: the ratio to the floor is told too. */
  readonly isRatio: boolean;
  /** Title of its panel in the picture; null: it has none. */
  readonly panel: string | null;
}

/** The columns of the table. A CPU second for a million deliveries is a microsecond for one. */
export const COLUMNS: readonly Column[] = [
  column(
    "paced",
    "allUs",
    "broadcast, 10 a second: CPU s per million deliveries",
    "Broadcast, 10 a second: CPU µs per delivery",
  ),
  column(
    "saturated",
    "allUs",
    "broadcast, all that goes through: CPU s per million",
    "Broadcast, saturated: CPU µs per delivery",
  ),
  column("unicast", "allUs", "a channel each: CPU s per million", "A channel each: CPU µs per delivery"),
  { ...column("unicast", "pacedP50Ms", "p50 ms", null), digits: 2, isRatio: false },
  {
    ...column("unicast", "pacedP99Ms", "p99 ms", "A channel each, 2,000 a second: p99, ms"),
    digits: 1,
    isRatio: false,
  },
  column("idle", "connectionKib", "KiB per idle connection", "Memory per idle connection, KiB"),
  { ...column("idle", "channelKib", "KiB per channel of its own", null), isRatio: false },
  { ...column("storm", "cpuUsPerClient", "storm: CPU µs per client", "Storm: CPU µs per client"), digits: 0 },
  { ...column("storm", "seconds", "storm: s", null), isRatio: false },
];

function column(scenario: string, metric: string, title: string, panel: string | null): Column {
  return { scenario, metric, title, digits: 1, isRatio: true, panel };
}

/** Median of a column for a contender; NaN when it was not measured. */
export function medianIn(
  reports: readonly ScenarioReport[],
  contender: ContenderName,
  { scenario, metric }: Column,
): number {
  const found = reports.find((report) => report.scenario.name === scenario);
  return found === undefined ? Number.NaN : medianOf(found.measurements, contender, metric);
}

/** Median of the ratios to the floor's measurement beside it; NaN when one of the two was not measured. */
export function ratioIn(
  reports: readonly ScenarioReport[],
  contender: ContenderName,
  { scenario, metric }: Column,
): number {
  const found = reports.find((report) => report.scenario.name === scenario);
  if (found === undefined) return Number.NaN;
  return median(ratiosOf(found.measurements, { contender, baseline: "bare", metric }));
}

/** Deliveries that were lost, and clients that did not come back after a storm, over all measurements. */
export function lostBy(reports: readonly ScenarioReport[], contender: ContenderName): number {
  const lost = reports.flatMap(({ measurements }) => valuesOf(measurements, contender, "lost"));
  return lost.reduce((sum, count) => sum + (count > 0 ? count : 0), 0);
}
