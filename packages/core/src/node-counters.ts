import type { NodeCounters } from "./ports/metrics.ts";

/** A set of counters at zero. One per process. */
export function createNodeCounters(): NodeCounters {
  return {
    connectionsOpened: 0,
    connectionsClosed: new Map(),
    upgradesRefused: new Map(),
    connectionsDrained: new Map(),
    slowConsumers: 0,
    framesIn: 0,
    bytesIn: 0,
    framesOut: 0,
    refusals: new Map(),
    envelopesIn: 0,
    envelopesUnreadable: 0,
    deliveries: 0,
    bytesOut: 0,
    publicationsEncoded: 0,
    publicationsCoalesced: 0,
    eventsPublished: 0,
    duplicatePublishes: 0,
    publishesUnavailable: 0,
    historyAppendsRefused: 0,
  };
}

/** Adds one under `key`. Keys come from closed sets: codes and reasons, never names that users choose. */
export function countBy<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
