import {
  type Channel,
  type ConnectionTable,
  HistoryBudgets,
  type HistoryCounters,
  type Session,
  SparseLog,
} from "@carillon/core";
import type { GatewayOptions } from "./gateway-options.ts";
import { Overload } from "./overload.ts";
import { Rebalancer } from "./rebalancer.ts";

/** Watches over what histories take; null where there are none, or nobody to share the work with. */
export function createBudgets(options: GatewayOptions, counters: HistoryCounters): HistoryBudgets | null {
  const { history: store, cluster, apps, clock, ids, log } = options;
  if (store === undefined || cluster === undefined) return null;
  return new HistoryBudgets({
    store,
    cluster,
    apps,
    clock,
    random: () => ids.random(),
    counters,
    onTrimmed: (app, usage) => log.info("history_trimmed", { app, ...usage }),
    onFailure: (app, error) => log.warn("history_trim_failed", { app, error }),
  });
}

/** Watches whether there is too much to do; null where nothing tells. */
export function createOverload({ clock, cluster, load: source, settings }: GatewayOptions): Overload | null {
  if (source === undefined) return null;
  const others = () => cluster?.nodes.filter(({ isGateway }) => isGateway) ?? [];
  const hasOthers = () => others().some(({ isAccepting }) => isAccepting === true);
  return new Overload({ clock, source, limits: settings.overload, hasOthers });
}

/** Sends clients to gateways that have fewer; null where all stay where they are. */
export function createRebalancer(
  { clock, cluster, ids, settings }: GatewayOptions,
  connections: ConnectionTable,
  ask: (session: Session) => void,
): Rebalancer | null {
  if (cluster === undefined || settings.rebalance === null) return null;
  return new Rebalancer({ cluster, clock, random: () => ids.random(), settings: settings.rebalance, connections, ask });
}

/** Says what fails for a channel; sparsely, as what fails for one may fail for tens of thousands in the same second. */
export function createFailureLog(
  { clock, log }: Pick<GatewayOptions, "clock" | "log">,
  event: string,
): (channel: Pick<Channel, "appId">, error: unknown) => void {
  const lines = new SparseLog();
  return (channel, error) =>
    lines.note(String(error), clock.monotonic(), (suppressed) =>
      log.warn(event, { app: channel.appId, error, suppressed }),
    );
}
