/** One line of a chart. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

/** What a chart shows. */
export interface ChartOptions {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly series: readonly Series[];
  /** Texts below the x axis, at their places; absent: the least and the greatest number. */
  readonly xTicks?: readonly (readonly [number, string])[];
}

const WIDTH = 720;
const HEIGHT = 260;
const LEFT = 64;
const RIGHT = 24;
const TOP = 34;
const BOTTOM = 46;
const COLOURS = ["#2563eb", "#ea580c", "#16a34a", "#9333ea", "#dc2626", "#0891b2", "#ca8a04"] as const;

/** A chart of lines as SVG; "" when there is nothing to draw. */
export function lineChart({ title, xTitle, yTitle, series, xTicks }: ChartOptions): string {
  const drawn = series.filter(({ points }) => points.length > 0);
  const xs = drawn.flatMap(({ points }) => points.map(([x]) => x));
  const ys = drawn.flatMap(({ points }) => points.map(([, y]) => y));
  if (xs.length === 0) return "";
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const yMax = Math.max(...ys, 1);
  const px = (x: number): number => LEFT + ((x - x0) / (x1 - x0 || 1)) * (WIDTH - LEFT - RIGHT);
  const py = (y: number): number => HEIGHT - BOTTOM - (y / yMax) * (HEIGHT - TOP - BOTTOM);
  const lines = drawn.map(({ points }, index) => {
    const path = points.map(([x, y]) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`).join(" ");
    return `<polyline fill="none" stroke="${colour(index)}" stroke-width="1.6" points="${path}"/>`;
  });
  const legendStep = Math.min(150, (WIDTH - LEFT) / drawn.length);
  const legend = drawn.map(
    ({ name }, index) =>
      `<text x="${LEFT + index * legendStep}" y="${HEIGHT - 6}" fill="${colour(index)}" font-size="12">${escapeHtml(name)}</text>`,
  );
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const y = py(yMax * share).toFixed(1);
    const text = `<text x="${LEFT - 6}" y="${y}" dy="4" text-anchor="end" font-size="11">${shortNumber(yMax * share)}</text>`;
    return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}" stroke="#8884"/>${text}`;
  });
  const ticks = (xTicks ?? [[x0, shortNumber(x0)] as const, [x1, `${shortNumber(x1)} ${xTitle}`] as const]).map(
    ([x, text]) =>
      `<text x="${px(x).toFixed(1)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle" font-size="11">${escapeHtml(text)}</text>`,
  );
  return (
    `<div class="chart"><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}" fill="currentColor">` +
    `<text x="${LEFT}" y="16" font-size="13" font-weight="600">${escapeHtml(title)} (${escapeHtml(yTitle)})</text>` +
    `${[...grid, ...ticks, ...lines, ...legend].join("")}</svg></div>`
  );
}

/** Text as it may stand in HTML. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** A whole number with commas (k6 has no `toLocaleString` for it). */
export function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] ?? COLOURS[0];
}

function shortNumber(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  if (value >= 1e4) return `${Math.round(value / 1e3)}k`;
  return value >= 10 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1);
}
