import type { PhaseName } from "./phases.ts";
import { isShared as isSharedPhase } from "./phases.ts";
import { planOf } from "./plan.ts";
import { REFUSALS, SILENCES } from "./publish-outcome.ts";
import type { LoadSettings } from "./settings.ts";

/** The phases in which clients come back. */
const RETURNS: readonly PhaseName[] = ["storm", "watch", "churn", "breaks"];

/** Those of them in which `CHURN` says how many are dropped. */
const CHURNED: readonly PhaseName[] = ["churn", "breaks"];

/** Times that are measured, in buckets: for exact percentiles over processes. */
export const TIMES = [
  "connect_ms",
  "broadcast_ms",
  "unicast_ms",
  "reconnect_ms",
  "client_event_ms",
  "connect_lag_ms",
  "generator_lag_ms",
] as const;

/** Name of a measured time. */
export type TimeName = (typeof TIMES)[number];

/** Things that are counted. */
export const COUNTS = [
  "clients",
  "subscribed",
  "connect_failures",
  "connections_opened",
  "connections_closed",
  "disconnects",
  "published",
  "publish_refused",
  "publish_unanswered",
  ...REFUSALS,
  ...SILENCES,
  "deliveries",
  "lost",
  "duplicates",
  "reordered",
  "malformed",
  "refused",
  "recovered",
  "not_recovered",
  "not_back",
  "silent",
  "finished",
] as const;

/** Name of a count. */
export type CountName = (typeof COUNTS)[number];

/** One demand on the system under test. */
export type Objective =
  | {
      readonly kind: "count";
      readonly count: CountName;
      readonly most: number;
      readonly title: string;
      /** Whether a slow generator alone may be the reason for missing it. */
      readonly mayBeGenerators: boolean;
    }
  | {
      readonly kind: "share";
      readonly count: CountName;
      readonly of: CountName;
      readonly least: number;
      readonly title: string;
    }
  | {
      readonly kind: "time";
      readonly time: TimeName;
      readonly share: number;
      readonly mostMs: number;
      readonly title: string;
    }
  /** That it was measured at all: a test in which nothing arrived must not pass. */
  | { readonly kind: "some"; readonly count: CountName; readonly title: string };

/** What a run demands: its service level objectives. All have to be met. */
export function objectivesOf(settings: LoadSettings): readonly Objective[] {
  const { limits } = settings;
  const phases = new Set(planOf(settings).map(({ name }) => name));
  // Where nobody is dropped, nobody comes back.
  if (settings.churnShare === 0) for (const name of CHURNED) phases.delete(name);
  const isShared = [...phases].some(isSharedPhase);
  const hasDeliveries = isShared || phases.has("unicast");
  return [
    {
      kind: "share",
      count: "subscribed",
      of: "clients",
      least: limits.connectShare,
      title: "clients connected and subscribed",
    },
    ...timed("connect_ms", 0.99, limits.connectP99Ms, "connect and subscribe, p99"),
    ...(isShared
      ? [
          ...timed("broadcast_ms", 0.5, limits.p50Ms, "delivery to all, p50"),
          ...timed("broadcast_ms", 0.95, limits.p95Ms, "delivery to all, p95"),
          ...timed("broadcast_ms", 0.99, limits.p99Ms, "delivery to all, p99"),
        ]
      : []),
    ...(phases.has("unicast") || phases.has("mixed")
      ? timed("unicast_ms", 0.99, limits.unicastP99Ms, "delivery to one, p99")
      : []),
    ...(phases.has("mixed") ? timed("client_event_ms", 0.99, limits.unicastP99Ms, "client event to others, p99") : []),
    ...(RETURNS.some((name) => phases.has(name))
      ? timed("reconnect_ms", 0.99, limits.reconnectP99Ms, "back after a drop, p99")
      : []),
    ...(hasDeliveries ? [{ kind: "some", count: "deliveries", title: "something was delivered" } as const] : []),
    { kind: "share", count: "finished", of: "clients", least: 1, title: "clients that were there to the end" },
    none("lost", "publications lost"),
    none("duplicates", "publications delivered twice"),
    none("malformed", "deliveries that are not what was published"),
    none("publish_refused", "publishes refused"),
    none("publish_unanswered", "publishes without an answer", true),
    none("refused", "commands refused"),
    none("not_back", "clients that never came back"),
    none("silent", "clients that heard nothing of a phase"),
    // Being moved to another gateway is what a rolling update is; elsewhere nobody has a reason to end a connection.
    ...(phases.has("watch")
      ? ([
          none("not_recovered", "recoveries that failed"),
          { kind: "some", count: "disconnects", title: "connections that the update moved" },
        ] as const)
      : [none("disconnects", "connections that broke")]),
    ...(phases.has("breaks")
      ? ([
          none("not_recovered", "recoveries that failed"),
          { kind: "some", count: "recovered", title: "clients that recovered after a break" },
        ] as const)
      : []),
  ];
}

function none(count: CountName, title: string, mayBeGenerators = false): Objective {
  return { kind: "count", count, most: 0, title, mayBeGenerators };
}

function timed(time: TimeName, share: number, mostMs: number, title: string): readonly Objective[] {
  return mostMs === 0 ? [] : [{ kind: "time", time, share, mostMs, title }];
}
