import { PARTITIONS, partitionOf } from "../../src/index.ts";

/** So many channels of an app, `<prefix>-…`, in each of the first partitions, one partition after the other. */
export function channelsIn(partitions: number, each: number, prefix: string, app = "app"): string[] {
  const found = new Map<string, string[]>();
  for (let index = 0; index < partitions; index++) found.set(index.toString(16).padStart(2, "0"), []);
  for (let index = 0; index < PARTITIONS * each * 20; index++) {
    const names = found.get(partitionOf(app, `${prefix}-${index}`));
    if (names !== undefined && names.length < each) names.push(`${prefix}-${index}`);
  }
  return [...found.values()].flat();
}
