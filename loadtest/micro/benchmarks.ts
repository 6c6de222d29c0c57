import type { Benchmark } from "./benchmark.ts";
import { CODEC } from "./benchmarks/codec.ts";
import { CONNECT } from "./benchmarks/connect.ts";
import { FAN_OUT } from "./benchmarks/fan-out.ts";
import { PUBLISH } from "./benchmarks/publish.ts";
import { RECOVERY } from "./benchmarks/recovery.ts";
import { SUBSCRIBE } from "./benchmarks/subscribe.ts";

/** All of them, by group. */
export const BENCHMARKS: readonly Benchmark[] = [
  ...CODEC,
  ...FAN_OUT,
  ...CONNECT,
  ...SUBSCRIBE,
  ...RECOVERY,
  ...PUBLISH,
];

/** The group that a benchmark is of. */
export function groupOf(name: string): string {
  return name.slice(0, name.indexOf("/"));
}

/** The package that a group is about. What that stands on is built with it. */
const PROJECTS: Readonly<Record<string, string>> = {
  codec: "packages/protocol",
  "fan-out": "packages/gateway",
  connect: "packages/gateway",
  subscribe: "packages/gateway",
  recovery: "packages/gateway",
  publish: "packages/publisher",
};

/** Folders of the packages that benchmarks load. */
export function projectsOf(names: readonly string[]): readonly string[] {
  return [...new Set(names.flatMap((name) => PROJECTS[groupOf(name)] ?? []))];
}

/** The groups there are. */
export const GROUPS: readonly string[] = [...new Set(BENCHMARKS.map(({ name }) => groupOf(name)))];

/** Names of the benchmarks of these groups; of all for null. Throws with a sentence for the user where there is no such group. */
export function namesOf(groups: readonly string[] | null): readonly string[] {
  const unknown = groups?.find((group) => !GROUPS.includes(group));
  if (unknown !== undefined) throw new Error(`there are no benchmarks ${unknown}; there are ${GROUPS.join(", ")}`);
  return BENCHMARKS.filter(({ name }) => groups?.includes(groupOf(name)) !== false).map(({ name }) => name);
}
