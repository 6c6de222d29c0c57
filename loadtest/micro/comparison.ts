import { CommandError } from "../bench/command-line.ts";
import { median } from "../bench/statistics.ts";
import { SideFailedError, SideProcess } from "./side-process.ts";

/** The two checkouts that are compared, both built. */
export interface Checkouts {
  readonly base: string;
  readonly tree: string;
}

/** How thoroughly to measure. */
export interface Effort {
  /** Pairs of processes, each new. */
  readonly pairs: number;
  /** Rounds of each pair for each benchmark. In a round both sides run twice. */
  readonly rounds: number;
  /** Factor on the tree's work, to see that a slow-down is found. 1: none. */
  readonly planted: number;
}

/** What was measured of a benchmark. */
export interface Measured {
  readonly kind: "measured";
  /** CPU time of the tree over that of the base: for each pair of processes, of each round. */
  readonly ratios: readonly (readonly number[])[];
  /** CPU time of doing it once, in microseconds: medians. */
  readonly baseUs: number;
  readonly treeUs: number;
}

/** The base can't do it, and why. */
export interface Absent {
  readonly kind: "absent";
  readonly reason: string;
}

/** CPU time of a side in a round: long enough to be told, short enough that its neighbour meets the same machine. */
const ROUND_US = 12_000;
/** CPU time after which code is taken to be compiled. */
const WARM_UP_US = 200_000;

/**
 * Measures benchmarks on both sides in turns, base tree tree base, so that whatever else the machine does weighs on both. Libraries for
 * benchmarks (tinybench, mitata) take wall time within one process; two versions need two, and wall time says little on a busy machine.
 * `names`: of one group, which share their processes. Rejects when the tree can't do one.
 */
export async function compare(
  names: readonly string[],
  checkouts: Checkouts,
  effort: Effort,
): Promise<ReadonlyMap<string, Measured | Absent>> {
  const series = new Map(names.map((name) => [name, new Series()]));
  for (let pair = 0; pair < effort.pairs; pair++) {
    await using base = new SideProcess(checkouts.base);
    await using tree = new SideProcess(checkouts.tree);
    for (const [name, each] of series) {
      if (each.absent === null) await measure({ name, base, tree, series: each }, effort);
    }
  }
  return new Map([...series].map(([name, each]) => [name, each.absent ?? each.measured]));
}

/** What was measured of a benchmark so far. */
class Series {
  absent: Absent | null = null;
  readonly #ratios: number[][] = [];
  readonly #baseUs: number[] = [];
  readonly #treeUs: number[] = [];

  beginPair(): void {
    this.#ratios.push([]);
  }

  /** `baseUs`, `treeUs`: of doing it once. */
  add(baseUs: number, treeUs: number): void {
    this.#ratios.at(-1)?.push(treeUs / baseUs);
    this.#baseUs.push(baseUs);
    this.#treeUs.push(treeUs);
  }

  get measured(): Measured {
    return {
      kind: "measured",
      ratios: this.#ratios,
      baseUs: median(this.#baseUs),
      treeUs: median(this.#treeUs),
    };
  }
}

interface Turn {
  readonly name: string;
  readonly base: SideProcess;
  readonly tree: SideProcess;
  readonly series: Series;
}

async function measure({ name, base, tree, series }: Turn, { rounds, planted }: Effort): Promise<void> {
  await tree.prepare(name).catch((error: unknown) => {
    throw new CommandError(
      `${name} fails in the working tree: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  try {
    await base.prepare(name);
  } catch (error) {
    if (!(error instanceof SideFailedError)) throw error;
    series.absent = { kind: "absent", reason: error.message };
    return;
  }
  const times = await warmUp(base);
  await warmUp(tree);
  const treeTimes = Math.max(1, Math.round(times * planted));
  series.beginPair();
  for (let round = 0; round < rounds; round++) {
    // Each side is first once and last once in every two rounds.
    const [first, second] = round % 2 === 0 ? [base, tree] : [tree, base];
    const runOf = (side: SideProcess) => side.run(side === base ? times : treeTimes);
    const [one, two, three, four] = [await runOf(first), await runOf(second), await runOf(second), await runOf(first)];
    const [outer, inner] = [(one + four) / 2 / times, (two + three) / 2 / times];
    if (first === base) series.add(outer, inner);
    else series.add(inner, outer);
  }
}

/** Runs until the code is compiled; returns how often the work has to be done to fill a round. */
async function warmUp(side: SideProcess): Promise<number> {
  let times = 1;
  let usedUs = 0;
  for (;;) {
    const cpuUs = await side.run(times);
    usedUs += cpuUs;
    if (cpuUs < ROUND_US / 2) times *= 2;
    else times = Math.max(1, Math.round((times * ROUND_US) / cpuUs));
    if (usedUs >= WARM_UP_US) return times;
  }
}
