import type { TimeRange } from "./prometheus-source.ts";
import { format, tickBase } from "./units.ts";

/** A line, under the name that the legend has for it. */
export interface ChartLine {
  readonly name: string;
  readonly points: readonly (readonly [seconds: number, value: number])[];
}

/** What to draw, and how. */
export interface LineChart {
  readonly lines: readonly ChartLine[];
  readonly unit: string;
  readonly isStacked: boolean;
  readonly range: TimeRange;
  readonly width: number;
  readonly height: number;
}

/** Grafana's classic colours. */
export const COLOURS = [
  ..."7EB26D EAB839 6ED0E0 EF843C E24D42 1F78C1 BA43A9 705DA0 508642 CCA300 447EBC C15C17".split(" "),
].map((colour) => `#${colour}`);

const LEFT = 72;
const BOTTOM = 16;
const TOP = 6;
const RIGHT = 8;

interface Drawn {
  readonly colour: string;
  /** Points, with what lies below them in a stack. */
  readonly points: readonly (readonly [seconds: number, value: number, base: number])[];
}

/** A chart over time as an SVG picture. The axis begins at 0. */
export function drawLines({ lines, unit, isStacked, range, width, height }: LineChart): string {
  const drawn = isStacked ? stacked(lines) : lines.map((line, index) => plain(line, index));
  const values = drawn.flatMap(({ points }) => points.map(([, value]) => value));
  const ticks = ticksUpTo(Math.max(0, ...values), tickBase(unit));
  const top = ticks.at(-1) ?? 1;
  const x = (seconds: number) => LEFT + ((seconds - range.from) / (range.to - range.from)) * (width - LEFT - RIGHT);
  const y = (value: number) => height - BOTTOM - (value / top) * (height - BOTTOM - TOP);
  const grid = ticks.map(
    (tick) =>
      `<line x1="${LEFT}" x2="${width - RIGHT}" y1="${round(y(tick))}" y2="${round(y(tick))}"/>` +
      `<text x="${LEFT - 6}" y="${round(y(tick) + 3.5)}" text-anchor="end">${format(tick, unit)}</text>`,
  );
  const times = timesIn(range).map(
    (seconds) => `<text x="${round(x(seconds))}" y="${height - 3}" text-anchor="middle">${clock(seconds)}</text>`,
  );
  const shapes = drawn.flatMap(({ colour, points }) =>
    runsOf(points, range.step).map((run) => shape(run, { colour, x, y, isStacked })),
  );
  return `<svg width="${width}" height="${height}">${grid.join("")}${times.join("")}${shapes.join("")}</svg>`;
}

function plain({ points }: ChartLine, index: number): Drawn {
  return { colour: colourOf(index), points: points.map(([seconds, value]) => [seconds, value, 0] as const) };
}

function stacked(lines: readonly ChartLine[]): Drawn[] {
  const heights = new Map<number, number>();
  return lines.map(({ points }, index) => ({
    colour: colourOf(index),
    points: points.map(([seconds, value]) => {
      const base = heights.get(seconds) ?? 0;
      heights.set(seconds, base + value);
      return [seconds, base + value, base] as const;
    }),
  }));
}

/** The colour of a line, by its place in the legend. */
export function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length] ?? "#000";
}

type Run = Drawn["points"];

/** Lines end where points are missing. */
function runsOf(points: Run, step: number): Run[] {
  const runs: (readonly [number, number, number])[][] = [];
  for (const point of points) {
    const last = runs.at(-1)?.at(-1);
    if (last === undefined || point[0] - last[0] > step * 1.5) runs.push([]);
    runs.at(-1)?.push(point);
  }
  return runs;
}

interface Pencil {
  readonly colour: string;
  readonly x: (seconds: number) => number;
  readonly y: (value: number) => number;
  readonly isStacked: boolean;
}

function shape(run: Run, { colour, x, y, isStacked }: Pencil): string {
  const above = run.map(([seconds, value]) => `${round(x(seconds))} ${round(y(value))}`);
  const below = run.map(([seconds, , base]) => `${round(x(seconds))} ${round(y(base))}`).reverse();
  const area = `<path d="M${[...above, ...below].join("L")}Z" fill="${colour}" fill-opacity="${isStacked ? 0.3 : 0.1}"/>`;
  return `${area}<path d="M${above.join("L")}" fill="none" stroke="${colour}" stroke-width="1.3"/>`;
}

/** Round values from 0 to the first one that is not below `highest`. */
function ticksUpTo(highest: number, base: number): number[] {
  if (highest === 0) return [0, 1];
  const unit = base === 1024 ? 1024 ** Math.max(0, Math.floor(Math.log(highest) / Math.log(1024))) : 1;
  const rough = highest / unit / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power * unit;
  return Array.from({ length: Math.ceil(highest / step - 1e-9) + 1 }, (_, index) => index * step);
}

function timesIn({ from, to }: TimeRange): number[] {
  const step = [15, 30, 60, 120, 300, 600, 900, 1800, 3600].find((seconds) => (to - from) / seconds <= 5) ?? 7200;
  const first = Math.ceil(from / step) * step;
  const count = Math.floor((to - first) / step) + 1;
  return Array.from({ length: count }, (_, index) => first + index * step).filter(
    (seconds) => seconds - from > (to - from) / 20 && to - seconds > (to - from) / 20,
  );
}

const clock = (seconds: number) => new Date(seconds * 1000).toISOString().slice(11, seconds % 60 === 0 ? 16 : 19);
const round = (value: number) => Math.round(value * 10) / 10;
