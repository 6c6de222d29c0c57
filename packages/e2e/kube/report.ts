import { existsSync } from "node:fs";
import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { REPOSITORY } from "./sandbox.ts";
import type { Outcome } from "./traffic/load.ts";
import { total } from "./traffic/tally.ts";

const RESULTS = `${REPOSITORY}/node_modules/.cache/carillon`;
const DOCUMENT = `${REPOSITORY}/docs/operations.md`;

const COLUMNS = [
  "what happens",
  "failed connects",
  "closes by code",
  "disconnects a client",
  "away p50 / p99",
  "missed with history",
  "falsely recovered",
  "told of a gap",
  "missed without history",
  "publishes sent again",
  "max / mean after",
];

/** The measures of a run, as a table. */
export class Report {
  readonly #name: string;
  readonly #rows: string[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  add(what: string, outcome: Outcome): void {
    const { tally } = outcome;
    const cells = [
      what,
      counts(tally.failedConnects),
      counts(tally.closes),
      outcome.disconnectsPerClient.toFixed(2),
      `${seconds(outcome.downtimeP50Ms)} / ${seconds(outcome.downtimeP99Ms)}`,
      String(tally.missed),
      `${tally.falselyRecovered} of ${tally.recovered}`,
      counts(tally.gaps),
      String(tally.missedWithoutHistory),
      counts(outcome.retries),
      `${outcome.imbalance.toFixed(2)} of ${outcome.gateways}`,
    ];
    this.#rows.push(row(cells));
    process.stdout.write(`${row(cells)}\n`);
  }

  /** As Markdown. */
  toText(clients: number): string {
    const machine = `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? "unknown"}), Node ${process.versions.node}`;
    const head = [row(COLUMNS), row(COLUMNS.map(() => "---"))];
    const told = `${clients.toLocaleString("en")} clients, half of them @carillon/client, half pusher-js; ${machine}.`;
    return [told, "", ...head, ...this.#rows].join("\n");
  }

  /** Prints it, keeps it with the other results, and puts it into docs/operations.md where CARILLON_KUBE_DOCS is set. */
  async publish(clients: number): Promise<void> {
    const text = this.toText(clients);
    process.stdout.write(`\n${text}\n`);
    await mkdir(RESULTS, { recursive: true });
    await appendFile(`${RESULTS}/kube-results.md`, `\n${new Date().toISOString()} ${this.#name}\n${text}\n`);
    if (process.env["CARILLON_KUBE_DOCS"] !== undefined && existsSync(DOCUMENT)) await this.#intoDocument(text);
  }

  async #intoDocument(text: string): Promise<void> {
    const begin = `<!-- ${this.#name}: written by make e2e-kube -->`;
    const end = `<!-- end of ${this.#name} -->`;
    const document = await readFile(DOCUMENT, "utf8");
    const [before, rest] = document.split(begin);
    const after = rest?.split(end)[1];
    if (after === undefined) throw new Error(`docs/operations.md has no place for results: ${begin} … ${end}`);
    await writeFile(DOCUMENT, `${before}${begin}\n${text}\n${end}${after}`);
  }
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function counts(values: Readonly<Record<string, number>>): string {
  if (total(values) === 0) return "0";
  return Object.entries(values)
    .map(([name, value]) => `${value} × ${name}`)
    .join(", ");
}

function seconds(ms: number | null): string {
  return ms === null ? "–" : `${(ms / 1000).toFixed(1)} s`;
}
