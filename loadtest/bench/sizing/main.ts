/** Measures what histories take of nats-server. `--help` says how; docs/sizing.md says what follows. */
import { loadavg } from "node:os";
import { SIZING_PAGE, writeDocsPage } from "../docs-page.ts";
import { describeMachine, machineLines } from "../machine.ts";
import { measureSizing } from "./measure.ts";
import type { SizingOptions } from "./options.ts";
import { readSizingOptions, USAGE } from "./options.ts";
import { sizingTable } from "./report.ts";

const ALL_GOOD = 0;
const USAGE_ERROR = 2;
const INTERRUPTED = 130;

// By default a signal ends this process only, and would leave nats-server behind: it is stopped on exit.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(INTERRUPTED));
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let options: SizingOptions;
  try {
    options = readSizingOptions(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return USAGE_ERROR;
  }
  if (options.wantsHelp) {
    console.log(USAGE);
    return ALL_GOOD;
  }
  const began = performance.now();
  const [loadBefore = 0] = loadavg();
  const result = await measureSizing(options, (text) => console.log(text));
  const command = ["make sizing", ...(args.length > 0 ? [`ARGS="${args.join(" ")}"`] : [])].join(" ");
  const seconds = Math.round((performance.now() - began) / 1000);
  const about = [
    `- Command: \`${command}\`, ${new Date().toISOString().slice(0, 10)}, ${seconds} s`,
    ...machineLines(await describeMachine(), loadBefore),
  ].join("\n");
  const markdown = `${about}\n\n${sizingTable(result)}`;
  console.log(`\n${markdown}\n`);
  if (options.writesDocs) await writeDocsPage(SIZING_PAGE, markdown);
  return ALL_GOOD;
}
