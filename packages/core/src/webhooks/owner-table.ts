/** Parts that all channels fall into, each with one owner among the gateways. */
export const OWNER_PARTITIONS = 256;

/** The partition of a channel. */
export function ownerPartitionOf(appId: string, channel: string): number {
  return hashOf(`${appId}/${channel}`) % OWNER_PARTITIONS;
}

/** Who looks after a partition, and who would if that one went. */
export interface Owners {
  readonly owner: string;
  /** Null where there is only one node. */
  readonly standby: string | null;
}

/**
 * Which of some nodes owns which partition, by rendezvous hashing: processes that know the same nodes agree without a word, and
 * when one goes, only what it owned goes to others: to its standby.
 */
export class OwnerTable {
  readonly #owners: readonly Owners[];

  /** `nodeIds`: at least one. */
  constructor(nodeIds: readonly string[]) {
    const all = Array.from({ length: OWNER_PARTITIONS }, (_, partition) => partition);
    this.#owners = all.map((partition) => ownersOf(partition, nodeIds));
  }

  of(partition: number): Owners {
    return this.#owners[partition] as Owners;
  }

  /** The partitions that a node owns. */
  ownedBy(nodeId: string): number[] {
    return this.#owners.flatMap(({ owner }, partition) => (owner === nodeId ? [partition] : []));
  }
}

function ownersOf(partition: number, nodeIds: readonly string[]): Owners {
  const ranked = nodeIds
    .map((id) => ({ id, rank: hashOf(`${partition}/${id}`) }))
    .sort((a, b) => b.rank - a.rank || (a.id < b.id ? -1 : 1));
  return { owner: ranked[0]?.id ?? "", standby: ranked[1]?.id ?? null };
}

/** FNV-1a with a last stir: ids that differ in one digit must be ranked anew for each partition. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
