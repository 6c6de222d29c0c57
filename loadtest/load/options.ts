import type { ScenarioName } from "../k6/lib/phases.ts";
import { SCENARIO_NAMES } from "../k6/lib/phases.ts";
import { SettingsReader } from "../k6/lib/text-values.ts";

/** How to use the runner. */
export const USAGE = `Usage: make load [N=50000] [SCENARIO=full] [SETTING=VALUE …]

  N                 clients (default 2000)
  SCENARIO          ${SCENARIO_NAMES.join(", ")}
                    (default full: connect, hold, broadcast, unicast, reconnect storm, broadcast)
  URL, PUBLISH_URL, PUBLISH_SECRET, KEY, SECRET
                    an installation that runs already; without URL one is started here: nats-server, gateways, a publisher
  GATEWAYS          gateways to start (default: 3, or one for each 15,000 clients)
  PROCESSES         processes of k6 (default: one for each 17,000 clients)
  OUT               folder for the report (default loadtest/dist/load)
  WRITE_DOCS=yes    writes the report to docs/benchmarks as well
  and all settings of docs/load-testing.md: RAMP, HOLD, DURATION, RATE, UNICAST_RATE, STORM_SPREAD, PAYLOAD, SLO_P99, …
                    Without URL, RAMP, RATE, DURATION and STORM_SPREAD that you don't set are what this machine's cores can take.

Exit codes: 0 passed; 1 failed, which a loss, a repeat or a broken connection always is; 2 a setting was wrong, or there is no k6;
3 the generator was the limit, so no time was judged, and all else was met.`;

/** Most clients of one process of k6: below the limit of 20,000 open files that many systems have. */
export const CLIENTS_PER_PROCESS = 17_000;

/** Most clients of one gateway that is started here, for the same reason. */
const CLIENTS_PER_GATEWAY = 15_000;

/** What a run of the runner is asked for, besides the settings of the load itself. */
export interface RunnerOptions {
  readonly scenario: ScenarioName;
  readonly processes: number;
  /** null: the system under test runs already. */
  readonly gateways: number | null;
  /** Absent: the usual one. */
  readonly outFolder: string | null;
  readonly writesDocs: boolean;
}

/** Reads the runner's own options from the environment. Throws one Error with sentences for the user. */
export function readRunnerOptions(environment: Readonly<Record<string, string | undefined>>): RunnerOptions {
  const reader = new SettingsReader(environment);
  const scenario = reader.choice("SCENARIO", "full", SCENARIO_NAMES);
  const clients = reader.whole("N", DEFAULT_CLIENTS, [1, 10_000_000]);
  const least = Math.ceil(clients / CLIENTS_PER_PROCESS);
  const processes = reader.whole("PROCESSES", least, [1, 1_000]);
  if (processes < least)
    reader.refuse(
      `PROCESSES must be ${least} or more for ${clients} clients: one process of k6 holds ${CLIENTS_PER_PROCESS} at most.`,
    );
  const gateways = reader.whole("GATEWAYS", Math.max(3, Math.ceil(clients / CLIENTS_PER_GATEWAY)), [1, 100]);
  const isElsewhere = reader.text("URL", "") !== "";
  if (isElsewhere && reader.text("GATEWAYS", "") !== "")
    reader.refuse("GATEWAYS and URL exclude each other: with URL nothing is started here.");
  const out = reader.text("OUT", "");
  const writesDocs = reader.choice("WRITE_DOCS", "no", ["yes", "no"]) === "yes";
  if (reader.problems.length > 0) throw new Error(reader.problems.join("\n"));
  return {
    scenario,
    processes,
    gateways: isElsewhere ? null : gateways,
    outFolder: out === "" ? null : out,
    writesDocs,
  };
}

/** Clients when nothing is said about them. */
export const DEFAULT_CLIENTS = 2_000;
