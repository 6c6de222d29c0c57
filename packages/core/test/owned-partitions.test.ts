import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Inquiry, OwnedPartitions } from "../src/webhooks/owned-partitions.ts";
import { OWNER_PARTITIONS } from "../src/webhooks/owner-table.ts";

const ALL = Array.from({ length: OWNER_PARTITIONS }, (_, partition) => partition);

/** The partitions of node `a`, and which of them may be ready by the law. */
class Watched {
  readonly owned = new OwnedPartitions("a");
  readonly #open: Inquiry[] = [];
  readonly #newest = new Map<number, Inquiry>();
  readonly #ready = new Set<number>();

  reckon(others: readonly string[]): void {
    const wasMine = this.owned.mine();
    const { gained, movedElsewhere } = this.owned.reckon(others);
    expect(gained).toEqual(new Set([...this.owned.mine()].filter((partition) => !wasMine.has(partition))));
    for (const partition of movedElsewhere) expect(this.owned.isMine(partition)).toBe(false);
    for (const partition of ALL) if (!this.owned.isMine(partition)) this.#void(partition);
  }

  inquire(partitions: readonly number[]): void {
    const inquiry = this.owned.inquire(new Set(partitions));
    this.#open.push(inquiry);
    for (const partition of partitions) {
      this.#newest.set(partition, inquiry);
      this.#ready.delete(partition);
    }
  }

  conclude(which: number): void {
    const [inquiry] = this.#open.splice(which % Math.max(this.#open.length, 1), 1);
    if (inquiry === undefined) return;
    this.owned.conclude(inquiry);
    for (const partition of inquiry.keys()) {
      if (this.#newest.get(partition) === inquiry && this.owned.isMine(partition)) this.#ready.add(partition);
    }
  }

  cede(partitions: readonly number[]): void {
    expect(this.owned.cede(new Set(partitions))).toBe(partitions.some((partition) => this.owned.isMine(partition)));
    for (const partition of partitions) this.#void(partition);
  }

  doubtAll(): void {
    this.owned.doubtAll();
    for (const partition of ALL) this.#void(partition);
  }

  #void(partition: number): void {
    this.#ready.delete(partition);
    this.#newest.delete(partition);
  }

  /** Not less than the law allows, either: what nothing speaks against is decided about. */
  check(): void {
    const ready = ALL.filter((partition) => this.owned.isReady(partition));
    expect(ready).toEqual([...this.#ready].sort((a, b) => a - b));
  }
}

const partitions = fc.subarray(ALL, { minLength: 20 });
const act: fc.Arbitrary<(watched: Watched) => void> = fc.oneof(
  fc.subarray(["b", "c", "d"]).map((others) => (watched: Watched) => watched.reckon(others)),
  partitions.map((some) => (watched: Watched) => watched.inquire(some)),
  partitions.map((some) => (watched: Watched) => watched.cede(some)),
  fc.nat({ max: 10 }).map((which) => (watched: Watched) => watched.conclude(which)),
  fc.constant((watched: Watched) => watched.doubtAll()),
);

describe("owned partitions", () => {
  it("what is gained is asked about, and ready when all have answered", () => {
    const owned = new OwnedPartitions("a");
    owned.reckon(["b"]);
    const { gained, movedElsewhere } = owned.reckon([]);
    expect(movedElsewhere.size).toBe(0);
    expect([...gained].some((partition) => owned.isReady(partition))).toBe(false);
    expect(owned.conclude(owned.inquire(gained))).toEqual(gained);
    expect([...gained].every((partition) => owned.isReady(partition))).toBe(true);
  });

  it("an answer that comes after a newer inquiry began makes nothing ready", () => {
    const owned = new OwnedPartitions("a");
    const late = owned.inquire(owned.mine());
    const newest = owned.inquire(new Set([1, 2]));
    expect(owned.conclude(late).has(1)).toBe(false);
    expect(owned.isReady(1)).toBe(false);
    expect(owned.conclude(newest)).toEqual(new Set([1, 2]));
  });

  it("what another node asks about meanwhile is not ready by the answers that come then", () => {
    const owned = new OwnedPartitions("a");
    const inquiry = owned.inquire(new Set([1, 2]));
    expect(owned.cede(new Set([1]))).toBe(true);
    expect(owned.conclude(inquiry)).toEqual(new Set([2]));
  });

  it("law › ready is only what is the node's, by the newest inquiry, and neither ceded, in doubt nor another's since it began", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40, size: "max" }), (acts) => {
        const watched = new Watched();
        for (const make of acts) {
          make(watched);
          watched.check();
        }
      }),
    );
  });
});
