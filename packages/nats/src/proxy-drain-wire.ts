import type { ProxyDrainAnswer, ProxyDrainRequest } from "@carillon/core";

/** Most addresses in one request. */
const MAX_ADDRESSES = 100;

/** Most gateways that an answer may name. */
const MAX_GATEWAYS = 10_000;

/** Longest time over which clients are asked, in ms: an hour. */
const MAX_SPREAD_MS = 3_600_000;

/** Reads a request of another process, perhaps of another version; null for what is none. */
export function decodeProxyDrain(data: Uint8Array): ProxyDrainRequest | null {
  const { via, spreadMs, isDryRun } = objectIn(data);
  if (!isTexts(via, MAX_ADDRESSES) || !isCount(spreadMs) || spreadMs > MAX_SPREAD_MS) return null;
  return { via, spreadMs, isDryRun: isDryRun === true };
}

/** Reads a gateway's answer; null for what is none. */
export function decodeProxyDrainAnswer(data: Uint8Array): ProxyDrainAnswer | null {
  const { nodeId, gateways, connections } = objectIn(data);
  if (typeof nodeId !== "string" || !isTexts(gateways, MAX_GATEWAYS) || !isCount(connections)) return null;
  return { nodeId, gateways, connections };
}

function objectIn(data: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(data).toString());
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    // Not JSON: whoever sent it gets no answer.
    return {};
  }
}

function isTexts(value: unknown, most: number): value is readonly string[] {
  return Array.isArray(value) && value.length <= most && value.every((each) => typeof each === "string");
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
