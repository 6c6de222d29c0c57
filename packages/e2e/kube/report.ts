import { existsSync } from "node:fs";
import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg } from "node:os";
import { REPOSITORY } from "./sandbox.ts";

const RESULTS = `${REPOSITORY}/node_modules/.cache/carillon`;
const DOCUMENT = `${REPOSITORY}/docs/operations.md`;

/** The measures of a run, as a table. */
export class Report {
  readonly #name: string;
  readonly #rows: string[];

  constructor(name: string, columns: readonly string[]) {
    this.#name = name;
    this.#rows = [row(columns), row(columns.map(() => "---"))];
  }

  add(...cells: readonly string[]): void {
    this.#rows.push(row(cells));
    process.stdout.write(`${row(cells)}\n`);
  }

  /**
   * Prints it, below what was run; keeps it with the other results; and puts it into docs/operations.md, where
   * CARILLON_KUBE_DOCS is set.
   */
  async publish(what: string): Promise<void> {
    const cpu = cpus()[0]?.model.trim() ?? "unknown";
    const load = Math.round(loadavg()[1] ?? 0);
    const machine = `${availableParallelism()} cores (${cpu}) with ${load} processes waiting for them, Node ${process.versions.node}`;
    const text = [`${what}; ${machine}.`, "", ...this.#rows].join("\n");
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
