import type { GrafanaDashboard, GrafanaPanel } from "./grafana-dashboard.ts";
import { type ChartLine, colourOf, drawLines } from "./line-chart.ts";
import type { Labels, PrometheusSource, Series, TimeRange } from "./prometheus-source.ts";
import { format } from "./units.ts";
import { type Choices, interpolate } from "./variables.ts";

const COLUMN = 50;
const CELL = 25;
const GAP = 6;
const TITLE = 22;
const LEGEND_LINE = 15;
/** About what a sign of a legend takes. */
const SIGN = 5.6;

/** A dashboard's page, and which of its panels have nothing to show. */
export interface DashboardPage {
  readonly html: string;
  readonly empty: readonly string[];
}

/** What a page is made with. */
export interface PageOptions {
  readonly source: PrometheusSource;
  readonly choices: Choices;
  readonly range: TimeRange;
}

const STYLE = `
body{margin:0;background:#f4f5f5;font:12px "DejaVu Sans",sans-serif;color:#24292e}
#page{position:relative;margin:8px}
header{padding:10px 8px 2px;font-size:17px}header span{font-size:12px;color:#5a6067;margin-left:14px}
.row{position:absolute;font-weight:600;font-size:13px;padding-top:4px}
.panel{position:absolute;background:#fff;border:1px solid #dfe2e5;border-radius:2px;box-sizing:border-box;overflow:hidden}
.title{height:${TITLE}px;line-height:${TITLE}px;padding:0 8px;font-weight:600;white-space:nowrap}
.legend{padding:0 8px;font-size:10.5px;line-height:${LEGEND_LINE}px}
.legend span{white-space:nowrap;margin-right:12px;display:inline-block}.legend i{display:inline-block;width:12px;height:3px;margin-right:4px;vertical-align:middle}
.stat{text-align:center;font-size:30px;font-weight:600;padding-top:14px}
.none{text-align:center;color:#8a9097;padding-top:40px;font-size:14px}
svg line{stroke:#e8eaec}svg text{font:10px "DejaVu Sans",sans-serif;fill:#5a6067}`;

/** Draws a dashboard as Grafana lays it out, out of what Prometheus answers to its expressions. */
export async function drawDashboard(dashboard: GrafanaDashboard, options: PageOptions): Promise<DashboardPage> {
  const drawn = await Promise.all(dashboard.panels.map((panel) => drawPanel(panel, options)));
  const bottom = Math.max(...dashboard.panels.map(({ gridPos }) => (gridPos.y + gridPos.h) * (CELL + GAP)));
  const chosen = [...options.choices.values()].map(({ label, shown }) => `<span>${label}: ${escaped(shown)}</span>`);
  const html = `<!doctype html><meta charset="utf-8"><style>${STYLE}</style><header>${escaped(dashboard.title)}${chosen.join("")}</header>
<div id="page" style="width:${24 * COLUMN}px;height:${bottom}px">${drawn.map(({ html }) => html).join("\n")}</div>`;
  return { html, empty: drawn.flatMap(({ title, isEmpty }) => (isEmpty ? [title] : [])) };
}

interface DrawnPanel {
  readonly html: string;
  readonly title: string;
  readonly isEmpty: boolean;
}

async function drawPanel(panel: GrafanaPanel, options: PageOptions): Promise<DrawnPanel> {
  const { title, type, gridPos } = panel;
  const [width, height] = [gridPos.w * COLUMN - GAP, gridPos.h * (CELL + GAP) - GAP];
  const place = `left:${gridPos.x * COLUMN}px;top:${gridPos.y * (CELL + GAP)}px;width:${width}px;height:${height}px`;
  if (type === "row")
    return { title, isEmpty: false, html: `<div class="row" style="${place}">${escaped(title)}</div>` };
  const lines = await linesOf(panel, options);
  const isEmpty = lines.length === 0;
  const content = isEmpty ? `<div class="none">No data</div>` : contentOf(panel, { lines, width, height, options });
  const head = `<div class="title">${escaped(title)}</div>`;
  return { title, isEmpty, html: `<div class="panel" style="${place}">${head}${content}</div>` };
}

interface Content {
  readonly lines: readonly ChartLine[];
  readonly width: number;
  readonly height: number;
  readonly options: PageOptions;
}

function contentOf({ type, fieldConfig }: GrafanaPanel, { lines, width, height, options }: Content): string {
  const { unit = "short", custom, thresholds } = fieldConfig?.defaults ?? {};
  if (type === "stat") {
    const value = lines[0]?.points.at(-1)?.[1] ?? Number.NaN;
    const steps = thresholds?.steps ?? [];
    const colour = steps.findLast((step) => step.value === null || value >= step.value)?.color ?? "green";
    return `<div class="stat" style="color:${colour === "yellow" ? "#c9a000" : colour}">${format(value, unit)}</div>`;
  }
  const legend = lines.map(
    ({ name }, index) => `<span><i style="background:${colourOf(index)}"></i>${escaped(name)}</span>`,
  );
  const chart = drawLines({
    lines,
    unit,
    isStacked: custom?.stacking.mode === "normal",
    range: options.range,
    width: width - 2,
    height: height - TITLE - 8 - legendLines(lines, width - 18) * LEGEND_LINE,
  });
  return `${chart}<div class="legend">${legend.join("")}</div>`;
}

/** On how many lines the names of a legend fit, about. */
function legendLines(lines: readonly ChartLine[], width: number): number {
  let [count, used] = [1, 0];
  for (const { name } of lines) {
    const own = name.length * SIGN + 30;
    if (used > 0 && used + own > width) [count, used] = [count + 1, 0];
    used += own;
  }
  return count;
}

async function linesOf(panel: GrafanaPanel, { source, choices, range }: PageOptions): Promise<ChartLine[]> {
  const answers = await Promise.all(
    (panel.targets ?? []).map(async ({ expr, legendFormat }) => {
      const query = interpolate(expr, choices, range.step);
      const series = panel.type === "stat" ? await source.instant(query, range.to) : await source.range(query, range);
      return series.map((each) => ({ name: legendOf(legendFormat, each.labels), points: finite(each) }));
    }),
  );
  return answers.flat().filter(({ points }) => points.length > 0);
}

const finite = ({ points }: Series) => points.filter(([, value]) => Number.isFinite(value));

/** What Grafana calls a series. */
function legendOf(legendFormat: string, labels: Labels): string {
  return legendFormat.replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (_text, label: string) => labels[label] ?? "");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
