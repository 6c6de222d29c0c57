import { appKey } from "./app-keys.ts";

/** The publish secret of the first app in {@link carillonConfig}. */
export const PUBLISH_SECRET = "guide-secret";

/** What differs between the Carillon contenders. */
interface CarillonConfigOptions {
  /** How a gateway tells the bus what it wants: each channel, or the partitions that its channels fall into. */
  readonly interest: "exact" | "partition" | "auto";
  /** How the channels of the bench keep a history; null: they keep none. */
  readonly history: HistorySetup | null;
  /** How many apps there are. */
  readonly apps: number;
  /** How long interest outlives its last subscriber; null: as long as by default. */
  readonly lingerSeconds: number | null;
}

/** The channel rule for all channels of the bench. */
export interface HistorySetup {
  /** Newest events that are kept of each channel. */
  readonly messages: number;
  /** Copies of each stream, and nats-servers in the cluster. */
  readonly replicas: 1 | 3;
}

/** How long events are kept, in seconds: the default of a rule. */
export const HISTORY_MAX_AGE_SECONDS = 3_600;

/**
 * A carillon.yaml for the bench. What isn't named keeps its default, limits included: what is measured is what users run.
 */
export function carillonConfig({ interest, history, apps, lingerSeconds }: CarillonConfigOptions): string {
  const config = {
    apps: Array.from({ length: apps }, (_, number) => app(number)),
    // The bench ends its clients before the servers, so there is nobody to wait for.
    gateway: { drain: { spreadSeconds: 0 }, ...(lingerSeconds === null ? {} : { lingerSeconds }) },
    nats: { interest, ...(history === null ? {} : { history: { replicas: history.replicas } }) },
    ...(history === null ? {} : { channels: [rule(history)] }),
  };
  // JSON is YAML.
  return `${JSON.stringify(config, null, 2)}\n`;
}

function app(number: number) {
  const suffix = number === 0 ? "" : `-${number}`;
  const secrets = { secrets: [`app-secret${suffix}`], publishSecret: `${PUBLISH_SECRET}${suffix}` };
  return { id: String(1001 + number), key: appKey(number), ...secrets };
}

function rule({ messages }: HistorySetup) {
  return { match: "bench-*", history: { messages, maxAge: HISTORY_MAX_AGE_SECONDS } };
}
