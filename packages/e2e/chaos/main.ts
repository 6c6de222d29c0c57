import { mkdir, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { type Outcome, type RunOptions, run } from "./run.ts";

const RESULTS = new URL("../../../../node_modules/.cache/carillon/", import.meta.url);

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    seconds: { type: "string", default: "60" },
    gateways: { type: "string", default: "3" },
    publishers: { type: "string", default: "2" },
    writers: { type: "string", default: "4" },
    listeners: { type: "string", default: "12" },
    guests: { type: "string", default: "12" },
    channels: { type: "string", default: "8" },
  },
});

const options: RunOptions = {
  seed: Number(values.seed),
  seconds: Number(values.seconds),
  gateways: Number(values.gateways),
  publishers: Number(values.publishers),
  writers: Number(values.writers),
  listeners: Number(values.listeners),
  guests: Number(values.guests),
  channels: Number(values.channels),
};

console.log(`chaos for ${options.seconds} s, seed ${options.seed} (repeat with ARGS="--seed ${options.seed}")`);
const outcome = await run(options);
tell(outcome);
if (outcome.verdict.violations.length > 0) {
  console.log(`\nFAILED. What happened is in ${await keep(outcome)}`);
  process.exitCode = 1;
} else {
  console.log("\nPASSED");
}

function tell({ verdict, harm, retries }: Outcome): void {
  const unproven = JSON.stringify(Object.fromEntries(verdict.unproven));
  console.log(`harm                  ${JSON.stringify(Object.fromEntries(harm))}`);
  console.log(`events acknowledged   ${verdict.acknowledged} (${retries} sent again)`);
  console.log(`events delivered      ${verdict.delivered}`);
  console.log(`recovered: true       ${verdict.recovered}`);
  console.log(`recovered: false      ${verdict.justified} rightly, as it was kept no more; without proof: ${unproven}`);
  for (const violation of verdict.violations.slice(0, 30)) console.log(`VIOLATION             ${violation}`);
  if (verdict.violations.length > 30) console.log(`and ${verdict.violations.length - 30} more`);
}

/** Writes down what happened, for whoever looks for the cause. */
async function keep({ record, logs, verdict }: Outcome): Promise<string> {
  await mkdir(RESULTS, { recursive: true });
  // Runs with one seed differ, since processes don't: none writes over another.
  const name = `chaos-${options.seed}-${new Date().toISOString().replaceAll(":", "")}`;
  const file = new URL(`${name}.jsonl`, RESULTS);
  await writeFile(file, record.toText());
  await writeFile(new URL(`${name}.log`, RESULTS), [...verdict.violations, ...logs].join("\n"));
  return file.pathname;
}
