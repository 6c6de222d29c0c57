import type { RebalanceState } from "@carillon/core";
import type { Gateway, OverloadReason } from "@carillon/gateway";
import type { MetricsRegistry } from "@carillon/service";

const OVERLOADED: Readonly<Record<OverloadReason, string>> = {
  files: "the process has as many files open as it may: new connections are refused",
  memory: "the process uses as much memory as it may: new connections are refused",
  lag: "the event loop lags: new connections are refused",
};

const OVERLOAD_REASONS = Object.keys(OVERLOADED) as readonly OverloadReason[];

const REBALANCE_STATES: readonly RebalanceState[] = ["balanced", "round", "resting"];

/** Why a gateway that has room takes nobody in, where it should be out of service for that, or where it should not. */
export function overloadOf(gateway: Gateway | null, asked: { readonly isOutOfService: boolean }): readonly string[] {
  const overload = gateway?.overload ?? null;
  return overload === null || overload.isOutOfService !== asked.isOutOfService ? [] : [OVERLOADED[overload.reason]];
}

/** Tells why a gateway that has room takes nobody in: while it does, load balancers lead nobody to it, and nothing is refused. */
export function addOverloadMetrics(metrics: MetricsRegistry, gateway: Pick<Gateway, "overload">): void {
  metrics.gauge({
    name: "overloaded",
    help: "1 while this gateway refuses new connections because of its load: files, memory, lag.",
    label: "reason",
    read: () => new Map(OVERLOAD_REASONS.map((reason) => [reason, gateway.overload?.reason === reason ? 1 : 0])),
  });
}

/** Tells of rebalancing, where there is any. */
export function addRebalanceMetrics(metrics: MetricsRegistry, gateway: Gateway): void {
  if (gateway.rebalanceState === null) return;
  metrics.gauge({
    name: "rebalance_state",
    help: "1 for what this gateway is about: balanced, a round of asking clients to go elsewhere, resting after one that didn't help.",
    label: "state",
    read: () => new Map(REBALANCE_STATES.map((state) => [state, gateway.rebalanceState === state ? 1 : 0])),
  });
}
