/** Measures what histories take of nats-server. `--help` says how; docs/sizing.md says what follows. */
import { loadavg } from "node:os";
import { commandText, runCommand } from "../command-line.ts";
import { SIZING_PAGE, writeDocsPage } from "../docs-page.ts";
import { describeMachine, machineLines } from "../machine.ts";
import { measureSizing } from "./measure.ts";
import type { SizingOptions } from "./options.ts";
import { readSizingOptions, USAGE } from "./options.ts";
import { sizingTable } from "./report.ts";

await runCommand({ usage: USAGE, read: readSizingOptions, run: size });

async function size(options: SizingOptions, args: readonly string[]): Promise<boolean> {
  const began = performance.now();
  const [loadBefore = 0] = loadavg();
  const result = await measureSizing(options, (text) => console.log(text));
  const seconds = Math.round((performance.now() - began) / 1000);
  const about = [
    `- Command: \`${commandText("sizing", args)}\`, ${new Date().toISOString().slice(0, 10)}, ${seconds} s`,
    ...machineLines(await describeMachine(), loadBefore),
  ].join("\n");
  const markdown = `${about}\n\n${sizingTable(result)}`;
  console.log(`\n${markdown}\n`);
  if (options.writesDocs) await writeDocsPage(SIZING_PAGE, markdown);
  return true;
}
