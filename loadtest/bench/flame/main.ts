/** Draws a CPU profile as a flame graph: `node main.js --profile FILE.cpuprofile --svg FILE.svg --title TEXT`. */
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import type { CpuProfile } from "./cpu-profile.ts";
import { callTree } from "./cpu-profile.ts";
import { flameGraph } from "./flame-graph.ts";

const { values } = parseArgs({
  options: { profile: { type: "string" }, svg: { type: "string" }, title: { type: "string", default: "CPU time" } },
});
if (values.profile === undefined || values.svg === undefined) {
  console.error("say --profile FILE.cpuprofile, as node --cpu-prof writes it, and --svg FILE");
  process.exit(2);
}
const profile = JSON.parse(await readFile(values.profile, "utf8")) as CpuProfile;
await writeFile(values.svg, flameGraph(callTree(profile), values.title));
