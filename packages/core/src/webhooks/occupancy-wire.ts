import type { OccupancyEntry, OccupancyKey, Told } from "./occupancy-key.ts";
import { OWNER_PARTITIONS } from "./owner-table.ts";

/** Kinds of messages between gateways. */
export const REPORT_KIND = "hooks.report";
export const TOLD_KIND = "hooks.told";
export const PULL_KIND = "hooks.pull";
/** To a node that was held for lost, and is back: others may have told what it doesn't know of. */
export const LOST_KIND = "hooks.lost";

/** What a node has of some keys, at a version of its own. */
export interface Report {
  readonly version: number;
  readonly entries: readonly OccupancyEntry[];
}

/** What was told of some keys. */
export interface ToldEntry {
  readonly key: OccupancyKey;
  readonly told: Told;
}

/** Lists, as names of fields would be most of the bytes. */
export function encodeReport({ version, entries }: Report): unknown {
  return [version, entries.map(({ key, count }) => [key.appId, key.channel, key.userId, count])];
}

/** Null for what no version of Carillon sends. */
export function decodeReport(body: unknown): Report | null {
  if (!Array.isArray(body) || typeof body[0] !== "number" || !Array.isArray(body[1])) return null;
  const entries: OccupancyEntry[] = [];
  for (const item of body[1]) {
    const key = decodeKey(item);
    if (key === null || typeof item[3] !== "number") return null;
    entries.push({ key, count: item[3] });
  }
  return { version: body[0], entries };
}

/** As a list of lists. */
export function encodeTold(entries: readonly ToldEntry[]): unknown {
  return entries.map(({ key, told: { epoch, epochMs, n, isOccupied, atMs } }) => [
    key.appId,
    key.channel,
    key.userId,
    epoch,
    epochMs,
    n,
    isOccupied,
    atMs,
  ]);
}

/** Null for what no version of Carillon sends. */
export function decodeTold(body: unknown): readonly ToldEntry[] | null {
  if (!Array.isArray(body)) return null;
  const entries: ToldEntry[] = [];
  for (const item of body) {
    const key = decodeKey(item);
    if (key === null) return null;
    const [, , , epoch, epochMs, n, isOccupied, atMs] = item as unknown[];
    if (typeof epoch !== "string" || typeof isOccupied !== "boolean") return null;
    if (typeof epochMs !== "number" || typeof n !== "number" || typeof atMs !== "number") return null;
    entries.push({ key, told: { epoch, epochMs, n, isOccupied, atMs } });
  }
  return entries;
}

/** The partitions that somebody asks for; null for what no version of Carillon sends. */
export function decodePartitions(body: unknown): ReadonlySet<number> | null {
  if (!Array.isArray(body)) return null;
  const isPartition = (each: unknown): each is number =>
    Number.isInteger(each) && Number(each) >= 0 && Number(each) < OWNER_PARTITIONS;
  return body.every(isPartition) ? new Set(body) : null;
}

function decodeKey(item: unknown): OccupancyKey | null {
  if (!Array.isArray(item)) return null;
  const [appId, channel, userId] = item as unknown[];
  if (typeof appId !== "string" || typeof channel !== "string") return null;
  return userId === null || typeof userId === "string" ? { appId, channel, userId } : null;
}
