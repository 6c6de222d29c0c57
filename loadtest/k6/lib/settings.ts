import type { ScenarioName } from "./phases.ts";
import { SettingsReader } from "./text-values.ts";

/** What the clients speak. */
export const PROTOCOLS = ["native", "msgpack", "pusher"] as const;

/** Name of a protocol. */
export type ProtocolName = (typeof PROTOCOLS)[number];

/** What a load test does, and what is demanded of the system under test. */
export interface LoadSettings {
  readonly scenario: ScenarioName;
  /** Gateways, as addresses without a path; clients are spread over them evenly. */
  readonly urls: readonly string[];
  /** Publish API, as an address without a path. */
  readonly publishUrl: string;
  readonly key: string;
  /** The app's secret; "" where nothing has to be signed. */
  readonly secret: string;
  readonly publishSecret: string;
  /** Clients in all. */
  readonly clients: number;
  /** Threads of k6, in all of its processes together. */
  readonly virtualUsers: number;
  readonly rampSeconds: number;
  /** How long the clients have to be connected from the end of the ramp on. */
  readonly connectSeconds: number;
  readonly holdSeconds: number;
  /** How long each phase with publishes lasts. */
  readonly measureSeconds: number;
  /** Over how long the drops of a reconnect storm are spread; 0 = all at once. */
  readonly stormSpreadSeconds: number;
  /** Publishes a second to all clients. */
  readonly rate: number;
  /** Publishes a second to single clients, all together. */
  readonly unicastRate: number;
  readonly payloadBytes: number;
  /** Share of the clients that a churn replaces each second. */
  readonly churnShare: number;
  readonly protocol: ProtocolName;
  readonly run: string;
  /** Processes of k6 that share the clients. With more than one, none of them can judge alone. */
  readonly processes: number;
  /** Where a process writes its results; "" for its standard output. */
  readonly report: string;
  /** Whether the system keeps a history of channels that begin with `load-kept-`. */
  readonly hasHistory: boolean;
  readonly limits: Limits;
}

/** The service level that is demanded. Times are in milliseconds; 0 = not judged. */
export interface Limits {
  readonly connectShare: number;
  readonly connectP99Ms: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly unicastP99Ms: number;
  readonly reconnectP99Ms: number;
  /** The generator counts as overloaded when one in a hundred of its timers is later than this. */
  readonly generatorLagMs: number;
  /** Share of its machine's processor that has to be free while times are measured, as far as the runner can see it; 0 = not looked at. */
  readonly generatorIdleShare: number;
}

/** Deliveries a second that a run asks for when nothing is said about the rate: what a small generator can count. */
const DELIVERIES_PER_SECOND = 10_000;
/** How long each phase with publishes lasts when nothing is said about it. */
export const USUAL_DURATION_SECONDS = 10;
const DAY_SECONDS = 86_400;
const LATENCY_RANGE_MS = [0, 120_000] as const;

/** The settings that are objectives. */
const OBJECTIVE_NAMES: readonly string[] = [
  "SLO_CONNECT",
  "SLO_CONNECT_P99",
  "SLO_P50",
  "SLO_P95",
  "SLO_P99",
  "SLO_UNICAST_P99",
  "SLO_RECONNECT",
];

/** The protocol that a scenario's name says; others speak what `PROTOCOL` says. */
const FIXED_PROTOCOLS: Partial<Readonly<Record<ScenarioName, ProtocolName>>> = {
  pusher: "pusher",
  "native-msgpack": "msgpack",
  sse: "native",
};

/**
 * Reads the settings of a scenario from variables as texts. Throws one Error that names everything that is wrong, in sentences
 * for the user.
 */
export function readSettings(
  scenario: ScenarioName,
  variables: Readonly<Record<string, string | undefined>>,
): LoadSettings {
  const reader = new SettingsReader(variables);
  const clients = reader.whole("N", 1_000, [1, 10_000_000]);
  const processes = reader.whole("PROCESSES", 1, [1, 1_000]);
  const urls = readUrls(reader);
  const settings: LoadSettings = {
    scenario,
    urls,
    publishUrl: readPublishUrl(reader),
    key: reader.text("KEY", "app-key"),
    secret: reader.text("SECRET", ""),
    publishSecret: reader.text("PUBLISH_SECRET", ""),
    clients,
    virtualUsers: reader.whole("VUS", usualThreads(clients, processes), [1, Math.min(clients, 10_000)]),
    rampSeconds: reader.seconds("RAMP", usualRampSeconds(clients), [0, DAY_SECONDS]),
    connectSeconds: reader.seconds("CONNECT_TIMEOUT", 60, [1, DAY_SECONDS]),
    holdSeconds: reader.seconds("HOLD", 10, [1, DAY_SECONDS]),
    measureSeconds: reader.seconds("DURATION", USUAL_DURATION_SECONDS, [1, DAY_SECONDS]),
    stormSpreadSeconds: reader.seconds("STORM_SPREAD", 0, [0, DAY_SECONDS]),
    rate: reader.number("RATE", usualRate(clients), [0.001, 1_000]),
    unicastRate: reader.number("UNICAST_RATE", 200, [0.01, 100_000]),
    payloadBytes: reader.whole("PAYLOAD", 128, [64, 65_536]),
    churnShare: reader.number("CHURN", 0.01, [0, 1]),
    protocol: FIXED_PROTOCOLS[scenario] ?? reader.choice("PROTOCOL", "native", PROTOCOLS),
    run: reader.text("RUN", "1"),
    processes,
    report: reader.text("REPORT", ""),
    hasHistory: reader.choice("HISTORY", "no", ["yes", "no"]) === "yes",
    limits: readLimits(reader),
  };
  refuseMissing(settings, reader);
  refuseUnknown(variables, reader);
  if (reader.problems.length > 0) throw new Error(`The load test can't begin:\n- ${reader.problems.join("\n- ")}`);
  return settings;
}

/** How long connecting is spread when nothing is said about it. */
export function usualRampSeconds(clients: number): number {
  return Math.max(2, Math.ceil(clients / 2_500));
}

/** Publishes a second to all when nothing is said about them. */
export function usualRate(clients: number): number {
  return Math.min(1, DELIVERIES_PER_SECOND / clients);
}

function readLimits(reader: SettingsReader): Limits {
  const latency = (name: string, fallback: number): number => reader.number(name, fallback, LATENCY_RANGE_MS);
  return {
    connectShare: reader.number("SLO_CONNECT", 1, [0, 1]),
    connectP99Ms: latency("SLO_CONNECT_P99", 5_000),
    p50Ms: latency("SLO_P50", 500),
    p95Ms: latency("SLO_P95", 1_000),
    p99Ms: latency("SLO_P99", 1_500),
    unicastP99Ms: latency("SLO_UNICAST_P99", 500),
    reconnectP99Ms: latency("SLO_RECONNECT", 15_000),
    generatorLagMs: reader.number("GENERATOR_LAG", 250, [1, 60_000]),
    generatorIdleShare: reader.number("GENERATOR_IDLE", 0.05, [0, 1]),
  };
}

function readUrls(reader: SettingsReader): readonly string[] {
  const text = reader.text("URL", "");
  if (text === "") {
    reader.refuse("URL is missing: say where the gateways are, such as URL=wss://realtime.example.com.");
    return [];
  }
  const urls = text.split(",").map((url) => url.trim().replace(/\/+$/, ""));
  for (const url of urls) {
    if (!/^wss?:\/\/[^/?#\s]+$/.test(url))
      reader.refuse(
        `URL must be one address or several with commas between, ws://HOST or wss://HOST without a path, not "${url}".`,
      );
  }
  return urls;
}

function readPublishUrl(reader: SettingsReader): string {
  const text = reader.text("PUBLISH_URL", "").replace(/\/+$/, "");
  if (text === "")
    reader.refuse(
      "PUBLISH_URL is missing: say where the publish API is, such as PUBLISH_URL=https://publish.example.com.",
    );
  else if (!/^https?:\/\/[^/?#\s]+$/.test(text))
    reader.refuse(`PUBLISH_URL must be http://HOST or https://HOST without a path, not "${text}".`);
  return text;
}

/** A misspelt objective would not be judged, and pass. */
function refuseUnknown(variables: Readonly<Record<string, string | undefined>>, reader: SettingsReader): void {
  for (const name of Object.keys(variables)) {
    if (!name.startsWith("SLO_") || OBJECTIVE_NAMES.includes(name)) continue;
    reader.refuse(`${name} is no objective: those are ${OBJECTIVE_NAMES.join(", ")}.`);
  }
}

/** Each process of k6 needs a thread at least, and each thread a client. */
export function usualThreads(clients: number, processes: number): number {
  return Math.min(clients, Math.max(processes, Math.ceil(clients / 1_000)));
}

function refuseMissing(
  { publishSecret, secret, scenario, run, protocol, hasHistory, processes, virtualUsers }: LoadSettings,
  reader: SettingsReader,
): void {
  if (publishSecret === "")
    reader.refuse("PUBLISH_SECRET is missing: it is the app's publishSecret, without which nothing can be published.");
  if (scenario === "mixed" && secret === "")
    reader.refuse("SECRET is missing: mixed signs subscribes to private channels, with one of the app's secrets.");
  if (scenario === "mixed" && protocol !== "native")
    reader.refuse(`mixed speaks native only, so PROTOCOL can't be ${protocol}.`);
  if (scenario === "rolling-update" && protocol !== "native")
    reader.refuse(`rolling-update recovers by the native protocol, so PROTOCOL can't be ${protocol}.`);
  if (scenario === "rolling-update" && !hasHistory)
    reader.refuse(
      "rolling-update needs a channel with a history: configure a rule for load-kept-* (see load-testing.md) and say HISTORY=yes.",
    );
  if (processes > virtualUsers)
    reader.refuse(
      `VUS must be ${processes} or more for PROCESSES=${processes}, not ${virtualUsers}: each process needs a thread.`,
    );
  if (!/^[A-Za-z0-9]{1,16}$/.test(run)) reader.refuse(`RUN must be 1 to 16 letters and digits, not "${run}".`);
}
