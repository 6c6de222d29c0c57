/** Measures Carillon next to what people would run instead. `--help` says how; docs/benchmarks.md says what the figures mean. */
import { mkdir, writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { commandText, runCommand } from "../command-line.ts";
import type { ContenderName } from "../contender.ts";
import { isPeer } from "../contender.ts";
import type { StartOptions } from "../contenders.ts";
import { startContender } from "../contenders.ts";
import { PEERS_PAGE, writeDocsPage } from "../docs-page.ts";
import { describeMachine } from "../machine.ts";
import { REPOSITORY } from "../repository.ts";
import { measureAll } from "../rounds.ts";
import type { InstalledPeers } from "./installed-peers.ts";
import { availablePeers, installPeers } from "./installed-peers.ts";
import type { PeersOptions } from "./options.ts";
import { readPeersOptions, USAGE } from "./options.ts";
import { startPeer } from "./peer-launcher.ts";
import type { PeersReport } from "./report.ts";
import { isSound, toJson, toMarkdown, toPicture } from "./report.ts";

const PICTURE = "docs/benchmarks/peers.svg";

await runCommand({ usage: USAGE, read: readPeersOptions, run: comparePeers });

async function comparePeers(options: PeersOptions, args: readonly string[]): Promise<boolean> {
  const installed = await installPeers();
  const report = await measured(options, installed, args);
  const markdown = toMarkdown(report);
  console.log(`\n${markdown}\n`);
  await writeFile(options.jsonFile ?? join(REPOSITORY, "loadtest/dist/peers-result.json"), toJson(report));
  await writeFile(join(REPOSITORY, "loadtest/dist/peers.svg"), toPicture(report));
  if (options.writesDocs) await writeDocs(report, markdown);
  console.log(
    isSound(report) ? "Carillon and bare lost nothing." : "Something went wrong with Carillon or bare: see above.",
  );
  return isSound(report);
}

async function measured(
  options: PeersOptions,
  installed: InstalledPeers,
  args: readonly string[],
): Promise<PeersReport> {
  const available = availablePeers(installed);
  const isHere = (name: ContenderName): boolean => !isPeer(name) || available.includes(name);
  const contenders = options.contenders.filter(isHere);
  const began = performance.now();
  const [loadBefore = 0] = loadavg();
  const start = (name: ContenderName, setup: StartOptions) =>
    isPeer(name) ? startPeer(name, installed, setup) : startContender(name, setup);
  const { rounds, duration, scenarios } = options;
  const rest = { size: 1, profileFolder: null };
  return {
    scenarios: await measureAll(scenarios, { rounds, duration, contenders, start, ...rest }),
    command: commandText("bench-peers", args),
    date: new Date().toISOString().slice(0, 10),
    seconds: (performance.now() - began) / 1000,
    roundCount: rounds,
    machine: await describeMachine(),
    loadBefore,
    versions: installed.versions,
    contenders,
    leftOut: options.contenders.filter((name) => !isHere(name)),
  };
}

async function writeDocs(report: PeersReport, markdown: string): Promise<void> {
  await mkdir(join(REPOSITORY, "docs/benchmarks"), { recursive: true });
  await writeFile(join(REPOSITORY, PICTURE), toPicture(report));
  const image = "![Bars of Carillon and its peers; shorter is better](benchmarks/peers.svg)";
  await writeDocsPage(PEERS_PAGE, `${image}\n\n${markdown}`);
}
