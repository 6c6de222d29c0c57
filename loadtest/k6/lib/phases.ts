/** What a run does one after the other, once everybody is connected. */
export const PHASES = ["hold", "churn", "broadcast", "unicast", "storm", "mixed", "watch", "breaks"] as const;

/** A phase's name. */
export type PhaseName = (typeof PHASES)[number];

/** The phases of each scenario. */
export const SCENARIOS = {
  connect: ["hold", "churn"],
  broadcast: ["broadcast"],
  unicast: ["unicast"],
  "reconnect-storm": ["storm", "broadcast"],
  mixed: ["mixed"],
  "rolling-update": ["watch"],
  pusher: ["broadcast", "unicast"],
  "native-msgpack": ["broadcast", "unicast"],
  sse: ["broadcast", "unicast", "breaks", "storm", "broadcast"],
  full: ["hold", "broadcast", "unicast", "storm", "broadcast"],
} as const satisfies Readonly<Record<string, readonly PhaseName[]>>;

/** A scenario's name: also that of its script. */
export type ScenarioName = keyof typeof SCENARIOS;

/** All scenarios' names. */
export const SCENARIO_NAMES = Object.keys(SCENARIOS) as readonly ScenarioName[];

/** The phases in which something is published on the channel that all share. */
export function isShared(phase: PhaseName): boolean {
  return phase === "broadcast" || phase === "watch" || phase === "mixed" || phase === "breaks";
}
