import type { ContenderName } from "../contender.ts";
import { PEERS } from "../contender.ts";
import type { Scenario } from "../scenario.ts";
import { inOnePart } from "../scenario.ts";
import { paced, saturated } from "../scenarios/fan-out.ts";
import { idle, measureIdle } from "../scenarios/idle.ts";
import { measureStorm, storm } from "../scenarios/storm.ts";
import { unicast } from "../scenarios/unicast.ts";

/** Carillon, as a cluster and as one process. */
export const OURS: readonly ContenderName[] = ["carillon", "carillon-dev"];

/** Everybody who takes part: the floor, Carillon, and the peers. */
export const PEER_CONTENDERS: readonly ContenderName[] = ["bare", ...OURS, ...PEERS];

/** Nobody has a goal here: it is a comparison. */
const common = { contenders: PEER_CONTENDERS, goals: [] } as const;

/** Less than in the bench: there are three times as many contenders. */
const PARTS = 2;
const OWN_PROCESSES: ReadonlySet<string> = new Set(["publisherUs", "natsUs"]);
/** Nobody is dropped again here. */
const STORM_OWN: ReadonlySet<string> = new Set(["gatewayUs", "warmGatewayUs"]);
const IDLE_SIZES = { few: 1_000, many: 5_000 } as const;
const STORM_CLIENTS = 4_000;

/** The scenarios of the bench, with other contenders and fewer clients. */
export const PEER_SCENARIOS: readonly Scenario[] = [
  { ...paced, ...common, parts: PARTS },
  { ...saturated, ...common, parts: PARTS },
  // Which process takes what differs from contender to contender; all of them together don't.
  { ...unicast, ...common, metrics: unicast.metrics.filter(({ key }) => !OWN_PROCESSES.has(key)), parts: PARTS },
  {
    ...idle,
    ...common,
    title: `Resident memory: slope from ${IDLE_SIZES.few} to ${IDLE_SIZES.many} idle connections, then as many channels of their own.`,
    metrics: idle.metrics.filter(({ key }) => key !== "residentMib"),
    ...inOnePart((run) => measureIdle(run, IDLE_SIZES)),
  },
  {
    ...storm,
    ...common,
    title: `${STORM_CLIENTS} clients are dropped at once and come back at once.`,
    metrics: storm.metrics.filter(({ key }) => !STORM_OWN.has(key)),
    ...inOnePart((run) => measureStorm(run, STORM_CLIENTS)),
  },
];
