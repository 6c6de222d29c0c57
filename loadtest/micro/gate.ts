import { GROUPS, groupOf } from "./benchmarks.ts";
import type { Absent, Checkouts, Effort, Measured } from "./comparison.ts";
import { compare } from "./comparison.ts";
import { judge, looksSlower, type Verdict } from "./verdict.ts";

/** What to compare, and how. */
export interface GateRun {
  readonly names: readonly string[];
  readonly checkouts: Checkouts;
  readonly effort: Effort;
  /** The largest ratio that is fine. */
  readonly limit: number;
  /** Hears what is being done, in words. */
  readonly tell: (text: string) => void;
}

/** Measures all benchmarks, and those that look slower once more with new processes: chance rarely strikes twice. */
export async function runGate(run: GateRun): Promise<readonly Verdict[]> {
  const { names, limit, tell } = run;
  const first = await pass(names, run);
  const suspects = [...first].filter(([, measured]) => looksSlower(measured, limit)).map(([name]) => name);
  if (suspects.length > 0) tell(`again, because they look slower: ${suspects.join(", ")}`);
  const second = await pass(suspects, run);
  return [...first].map(([name, measured]) => {
    const again = second.get(name);
    return judge(name, measured, again?.kind === "measured" ? again : null, limit);
  });
}

async function pass(
  names: readonly string[],
  { checkouts, effort, tell }: GateRun,
): Promise<ReadonlyMap<string, Measured | Absent>> {
  const results = new Map<string, Measured | Absent>();
  for (const group of GROUPS) {
    const ofGroup = names.filter((name) => groupOf(name) === group);
    if (ofGroup.length === 0) continue;
    tell(`measuring ${group}: ${ofGroup.length} benchmarks`);
    for (const [name, measured] of await compare(ofGroup, checkouts, effort)) results.set(name, measured);
  }
  return results;
}
