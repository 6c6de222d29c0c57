/**
 * A process of its own that holds one version's packages, and does the work of benchmarks with them: `node side.js ROOT`, with an IPC
 * channel. Carries out one request after the other and answers each.
 */
import type { Work } from "./benchmark.ts";
import { BENCHMARKS } from "./benchmarks.ts";
import { Packages } from "./packages.ts";
import type { SideReply, SideRequest } from "./side-messages.ts";

const packages = new Packages(process.argv[2] ?? ".");
let work: Work | null = null;

process.on("message", (message) => {
  // The other end is our own gate, built from the same sources.
  const request = message as SideRequest;
  carryOut(request).then(
    (reply) => process.send?.(reply),
    (error: unknown) =>
      process.send?.({ kind: "failed", reason: error instanceof Error ? error.message : String(error) }),
  );
});
process.once("disconnect", () => process.exit(0));

async function carryOut(request: SideRequest): Promise<SideReply> {
  switch (request.kind) {
    case "prepare":
      work = null;
      work = await prepared(request.name);
      return { kind: "ready" };
    case "run":
      return { kind: "done", cpuUs: await timed(request.times) };
    default:
      return request satisfies never;
  }
}

async function prepared(name: string): Promise<Work> {
  const benchmark = BENCHMARKS.find((each) => each.name === name);
  if (benchmark === undefined) throw new Error(`there is no benchmark ${name}`);
  const ready = await benchmark.prepare(packages);
  // Tells whether it works here, before anything is measured.
  await ready.run(1);
  return ready;
}

/** CPU time of the whole process, all its threads included: what the collector does elsewhere is a cost too. */
async function timed(times: number): Promise<number> {
  if (work === null) throw new Error("nothing was prepared");
  const before = process.cpuUsage();
  await work.run(times);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
