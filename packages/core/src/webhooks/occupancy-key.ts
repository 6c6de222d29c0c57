import { ownerPartitionOf } from "./owner-table.ts";

/** What may be occupied: a channel, or a user's place on a presence channel. */
export interface OccupancyKey {
  readonly appId: string;
  readonly channel: string;
  /** Null: it is about the channel. */
  readonly userId: string | null;
}

/** A key as one text. App ids have no slash, names of channels have none either. */
export function textOf({ appId, channel, userId }: OccupancyKey): string {
  return userId === null ? `${appId}/${channel}` : `${appId}/${channel}/${userId}`;
}

/** The partition of a key: that of its channel. */
export function partitionOfKey({ appId, channel }: OccupancyKey): number {
  return ownerPartitionOf(appId, channel);
}

/** How many connections there are for a key on one node. */
export interface OccupancyEntry {
  readonly key: OccupancyKey;
  readonly count: number;
}

/** What was last told of a key. A later one has a higher `n`, or a later epoch. */
export interface Told {
  /** Names the line of tellings, of which `n` is the number; made by whoever began it. */
  readonly epoch: string;
  /** When the line began, in milliseconds since 1970. */
  readonly epochMs: number;
  readonly n: number;
  readonly isOccupied: boolean;
  /** When it was told, in milliseconds since 1970. */
  readonly atMs: number;
}

/** True when `told` is news to somebody who knows `known`. */
export function isNewer(told: Told, known: Told | null): boolean {
  if (known === null) return true;
  if (told.epoch === known.epoch) return told.n > known.n;
  return told.epochMs !== known.epochMs ? told.epochMs > known.epochMs : told.epoch > known.epoch;
}
