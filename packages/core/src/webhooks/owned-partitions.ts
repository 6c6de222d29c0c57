import { OWNER_PARTITIONS, type Owners, OwnerTable } from "./owner-table.ts";

/** What other gateways than before have changed for a node. */
export interface OwnerChanges {
  /** Partitions that are the node's now, and were not. */
  readonly gained: ReadonlySet<number>;
  /** Partitions that have another owner now, who is another node. */
  readonly movedElsewhere: ReadonlySet<number>;
  /** Partitions that are the node's as before, but with another second. */
  readonly entrustedAnew: ReadonlySet<number>;
}

/** The partitions that a node has begun to learn all about, each with the number of that attempt. */
export type Inquiry = ReadonlyMap<number, number>;

/**
 * Which partitions a node owns, and of which of these it knows all about: in no others it may decide. Pure: it is told which
 * gateways there are, and when all of them have answered.
 *
 * Its law: a partition that is ready is the node's, and became so by the newest inquiry about it; none is ready that has been
 * ceded, in doubt, or another's, since that inquiry began.
 */
export class OwnedPartitions {
  readonly #nodeId: string;
  #table: OwnerTable;
  readonly #ready = new Set<number>();
  /** Grows with each inquiry about a partition, and with what makes the answers to one that has begun worthless. */
  readonly #inquiries: number[] = new Array(OWNER_PARTITIONS).fill(0);

  /** Knows of no other gateway at first, and is ready for nothing. */
  constructor(nodeId: string) {
    this.#nodeId = nodeId;
    this.#table = new OwnerTable([nodeId]);
  }

  /** Who looks after a partition, as far as the node knows. */
  ownersOf(partition: number): Owners {
    return this.#table.of(partition);
  }

  isMine(partition: number): boolean {
    return this.#table.of(partition).owner === this.#nodeId;
  }

  /** True when the partition is the node's and it knows all about it. */
  isReady(partition: number): boolean {
    return this.#ready.has(partition);
  }

  /** All that are, at any time. */
  get ready(): ReadonlySet<number> {
    return this.#ready;
  }

  /** All that are the node's. */
  mine(): Set<number> {
    return new Set(this.#table.ownedBy(this.#nodeId));
  }

  /** Reckons anew who owns what, now that there are these gateways besides the node. */
  reckon(gatewayIds: readonly string[]): OwnerChanges {
    const before = this.#table;
    const table = new OwnerTable([...gatewayIds, this.#nodeId]);
    this.#table = table;
    const gained = new Set<number>();
    const movedElsewhere = new Set<number>();
    const entrustedAnew = new Set<number>();
    for (let partition = 0; partition < OWNER_PARTITIONS; partition++) {
      const [was, is] = [before.of(partition), table.of(partition)];
      const isMine = is.owner === this.#nodeId;
      if (was.owner !== is.owner) (isMine ? gained : movedElsewhere).add(partition);
      else if (isMine && was.standby !== is.standby) entrustedAnew.add(partition);
      if (!isMine) this.#void(partition);
    }
    return { gained, movedElsewhere, entrustedAnew };
  }

  /** All others are about to be asked: none of these is ready until {@link conclude}. */
  inquire(partitions: ReadonlySet<number>): Inquiry {
    const inquiry = new Map<number, number>();
    for (const partition of partitions) {
      inquiry.set(partition, this.#void(partition));
    }
    return inquiry;
  }

  /** All others have answered. Answers the partitions that are ready by that: nothing has come between, and they are the node's. */
  conclude(inquiry: Inquiry): Set<number> {
    const ready = new Set<number>();
    for (const [partition, number] of inquiry) {
      if (this.#inquiries[partition] === number && this.isMine(partition)) ready.add(partition);
    }
    for (const partition of ready) this.#ready.add(partition);
    return ready;
  }

  /** Another node believes to own these, and may have been told all by those whose answers are still to come. Answers whether this one does so of any. */
  cede(partitions: ReadonlySet<number>): boolean {
    let hasCeded = false;
    for (const partition of partitions) {
      hasCeded = this.isMine(partition) || hasCeded;
      this.#void(partition);
    }
    return hasCeded;
  }

  /** Others may own by now what the node believes to own: it is ready for nothing. */
  doubtAll(): void {
    for (let partition = 0; partition < OWNER_PARTITIONS; partition++) this.#void(partition);
  }

  /** It isn't ready, and won't be by an inquiry that has begun. Answers the number for the next one. */
  #void(partition: number): number {
    this.#ready.delete(partition);
    const number = (this.#inquiries[partition] ?? 0) + 1;
    this.#inquiries[partition] = number;
    return number;
  }
}
