import { randomNumbers } from "../bench/random-numbers.ts";
import { median } from "../bench/statistics.ts";

/** A ratio as far as it is known. */
export interface Interval {
  readonly median: number;
  /** Ends of the interval in which it lies, with a confidence of 95 %. */
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2000;
const TAIL = 0.025;
/** Any number does: the same ratios always get the same interval. */
const SEED = 20_260_101;

/**
 * The median of ratios, by a bootstrap with two stages. `samples`: for each pair of processes the ratios of its rounds. Pairs are drawn
 * first, then rounds within them: where a process has its code and its objects makes some percent of difference for as long as it lives,
 * so rounds of one pair are not independent of each other. NaN without any ratios.
 */
export function intervalOf(samples: readonly (readonly number[])[]): Interval {
  const filled = samples.filter((rounds) => rounds.length > 0);
  if (filled.length === 0) return { median: Number.NaN, low: Number.NaN, high: Number.NaN };
  const random = randomNumbers(SEED);
  const medians = new Float64Array(RESAMPLES);
  for (let turn = 0; turn < RESAMPLES; turn++) medians[turn] = median(resample(filled, random));
  medians.sort();
  const at = (share: number) => medians[Math.round(share * (RESAMPLES - 1))] as number;
  return { median: median(filled.flat()), low: at(TAIL), high: at(1 - TAIL) };
}

function resample(samples: readonly (readonly number[])[], random: () => number): number[] {
  return samples.flatMap(() => {
    const rounds = drawn(samples, random);
    return rounds.map(() => drawn(rounds, random));
  });
}

function drawn<Value>(values: readonly Value[], random: () => number): Value {
  return values[Math.floor(random() * values.length)] as Value;
}
