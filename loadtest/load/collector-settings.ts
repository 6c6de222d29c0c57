/** With five times the living memory, k6 spends a sixth less of its processor time than with Go's default of twice as much. */
const GROWTH_PERCENT = "400";
/** The part of the free memory that all processes of k6 may fill before their collectors run more often. */
const MEMORY_SHARE = 0.5;

interface CollectorOptions {
  readonly processes: number;
  /** Memory that is free on this machine. */
  readonly availableMib: number;
  readonly given: Readonly<Record<string, string | undefined>>;
}

/** How Go's garbage collector runs in each process of k6, as variables of its environment. What was given stays. */
export function collectorSettings({ processes, availableMib, given }: CollectorOptions): Record<string, string> {
  const limitMib = Math.floor((availableMib * MEMORY_SHARE) / processes);
  return { GOGC: given["GOGC"] || GROWTH_PERCENT, GOMEMLIMIT: given["GOMEMLIMIT"] || `${limitMib}MiB` };
}
