import { Buckets } from "./buckets.ts";
import type { Series } from "./charts.ts";
import { escapeHtml, grouped, lineChart } from "./charts.ts";
import { TIMES } from "./objectives.ts";
import type { Results } from "./results.ts";
import type { LoadSettings } from "./settings.ts";
import type { Verdict } from "./verdict.ts";

/** A moment of a run, as it was seen from outside. */
export interface Moment {
  readonly second: number;
  readonly connected: number;
  readonly deliveriesPerSecond: number;
  /** Memory of the processes under test, in MiB; null when they aren't ours to look at. */
  readonly memoryMib: number | null;
  /** Cores in use: by the system under test and by the generator. */
  readonly systemCores: number | null;
  readonly generatorCores: number;
}

/** A table of its own. */
export interface PagePart {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What a report shows. */
export interface PageOptions {
  readonly settings: LoadSettings;
  readonly results: Results;
  readonly verdict: Verdict;
  /** Lines about machine and versions. */
  readonly facts: readonly string[];
  readonly timeline: readonly Moment[];
  readonly parts: readonly PagePart[];
}

const STYLE = `:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0;display:block;overflow-x:auto}td,th{padding:.2rem .7rem;border-bottom:1px solid #8884;text-align:left}
.verdict{padding:.8rem 1rem;border-radius:.4rem;color:#fff}.passed{background:#15803d}.failed{background:#b91c1c}.generator{background:#b45309}
.missed{color:#dc2626;font-weight:600}.not-judged{color:#b45309;font-weight:600}.chart{overflow-x:auto;margin:.6rem 0}svg{width:100%;min-width:36rem}`;

const SHARES = [0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999] as const;

/** The report as one HTML page that needs nothing else. */
export function htmlPage({ settings, results, verdict, facts, timeline, parts }: PageOptions): string {
  const title = `Carillon load test: ${settings.scenario}, ${grouped(settings.clients)} clients`;
  const objectives = verdict.objectives.map(({ title: name, reached, demanded, result }) => [
    name,
    reached,
    demanded,
    result,
  ]);
  const counts = Object.entries(results.counts).map(([name, count]) => [name.replaceAll("_", " "), grouped(count)]);
  return [
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><style>${STYLE}</style>`,
    `<h1>${escapeHtml(title)}</h1><p class="verdict ${verdict.outcome}">${escapeHtml(verdict.text)}</p>`,
    table({ title: "Objectives", head: ["objective", "reached", "demanded", ""], rows: objectives }),
    percentileChart(results),
    ...timelineCharts(timeline),
    ...parts.map(table),
    table({ title: "Counts", head: ["what", "count"], rows: counts }),
    facts.length === 0
      ? ""
      : `<h2>Machine</h2><ul>${facts.map((fact) => `<li>${escapeHtml(fact)}</li>`).join("")}</ul>`,
    "</html>\n",
  ].join("\n");
}

function table({ title, head, rows }: PagePart): string {
  const cells = (row: readonly string[]): string =>
    row
      .map(
        (cell) =>
          `<td${cell === "missed" || cell === "not judged" ? ` class="${cell.replace(" ", "-")}"` : ""}>${escapeHtml(cell)}</td>`,
      )
      .join("");
  const names = head.map((name) => `<th>${escapeHtml(name)}</th>`).join("");
  return `<h2>${escapeHtml(title)}</h2><table><tr>${names}</tr>${rows.map((row) => `<tr>${cells(row)}</tr>`).join("")}</table>`;
}

/** Times by percentile: each nine has as much room as the one before, because the last ones are what users complain about. */
function percentileChart(results: Results): string {
  const nines = (share: number): number => -Math.log10(1 - share);
  const series: Series[] = TIMES.map((name) => {
    const buckets = new Buckets();
    buckets.merge(results.times[name]);
    const points = SHARES.flatMap((share) => {
      const ms = buckets.percentile(share);
      return ms === null || 1 - share < 0.5 / buckets.total ? [] : [[nines(share), ms] as const];
    });
    return { name: name.replace("_ms", "").replaceAll("_", " "), points };
  });
  const xTicks = SHARES.map((share) => [nines(share), `${Number((share * 100).toFixed(2))} %`] as const);
  return lineChart({ title: "Times by percentile", xTitle: "", yTitle: "ms", series, xTicks });
}

function timelineCharts(timeline: readonly Moment[]): string[] {
  const line = (name: string, of: (moment: Moment) => number | null): Series => ({
    name,
    points: timeline.flatMap((moment) => {
      const value = of(moment);
      return value === null ? [] : [[moment.second, value] as const];
    }),
  });
  const chart = (title: string, yTitle: string, series: readonly Series[]): string =>
    lineChart({ title, xTitle: "s", yTitle, series });
  return [
    chart("Connected clients", "clients", [line("connected", ({ connected }) => connected)]),
    chart("Deliveries", "a second", [line("deliveries", ({ deliveriesPerSecond }) => deliveriesPerSecond)]),
    chart("Memory under test", "MiB", [line("memory", ({ memoryMib }) => memoryMib)]),
    chart("Processor", "cores", [
      line("under test", ({ systemCores }) => systemCores),
      line("generator", ({ generatorCores }) => generatorCores),
    ]),
  ];
}
