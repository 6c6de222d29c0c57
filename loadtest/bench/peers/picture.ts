/** One value of a panel. */
export interface Bar {
  readonly name: string;
  /** NaN: there is none. */
  readonly value: number;
  /** The value as it is shown. */
  readonly text: string;
  /** True: the bar is ours, and stands out. */
  readonly isOurs: boolean;
}

/** Bars of one kind, each as long as its value; the longest fills the panel. */
export interface Panel {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const COLUMNS = 2;
const PANEL_WIDTH = 430;
const NAME_WIDTH = 118;
/** Length of the longest bar. */
export const BAR_WIDTH = 240;
const ROW_HEIGHT = 17;
const TITLE_HEIGHT = 26;
const GAP = 18;

// Without a background, and with colours that stand out on white as on black: readers have both. The text follows the reader's choice.
const STYLE =
  "text{font:12px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#57606a}.title{font-weight:600;fill:#1f2328}.name{text-anchor:end}" +
  ".ours{font-weight:600;fill:#1f2328}rect{fill:#8c959f}.our-bar{fill:#d97706}" +
  "@media(prefers-color-scheme:dark){text{fill:#9da7b1}.title,.ours{fill:#e6edf3}rect{fill:#6e7681}.our-bar{fill:#f59e0b}}";

/** The panels as one SVG picture, two beside each other. `label` says what it shows, for those who don't see it. */
export function picture(label: string, panels: readonly Panel[]): string {
  const heights = rowHeights(panels);
  const height = heights.reduce((sum, rowHeight) => sum + rowHeight + GAP, 0);
  const width = COLUMNS * PANEL_WIDTH;
  const drawn = panels.map((panel, index) => {
    const above = heights.slice(0, Math.floor(index / COLUMNS)).reduce((sum, rowHeight) => sum + rowHeight + GAP, 0);
    return `<g transform="translate(${(index % COLUMNS) * PANEL_WIDTH} ${above})">\n${drawPanel(panel)}\n</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="${escaped(label)}">`,
    `<style>${STYLE}</style>`,
    ...drawn,
    "</svg>\n",
  ].join("\n");
}

function rowHeights(panels: readonly Panel[]): number[] {
  const heights: number[] = [];
  for (let first = 0; first < panels.length; first += COLUMNS) {
    const bars = panels.slice(first, first + COLUMNS).map((panel) => panel.bars.length);
    heights.push(TITLE_HEIGHT + Math.max(...bars) * ROW_HEIGHT);
  }
  return heights;
}

function drawPanel({ title, bars }: Panel): string {
  const longest = Math.max(0, ...bars.map(({ value }) => value).filter(Number.isFinite));
  const rows = bars.map((bar, index) => drawBar(bar, TITLE_HEIGHT + index * ROW_HEIGHT, longest));
  return [`<text class="title" x="0" y="15">${escaped(title)}</text>`, ...rows].join("\n");
}

function drawBar({ name, value, text, isOurs }: Bar, top: number, longest: number): string {
  const isDrawn = Number.isFinite(value) && value > 0 && longest > 0;
  const width = isDrawn ? (value / longest) * BAR_WIDTH : 0;
  const baseline = top + 11;
  const emphasis = isOurs ? " ours" : "";
  return [
    `<text class="name${emphasis}" x="${NAME_WIDTH - 8}" y="${baseline}">${escaped(name)}</text>`,
    `<rect${isOurs ? ' class="our-bar"' : ""} x="${NAME_WIDTH}" y="${top + 1}" width="${width.toFixed(1)}" height="12"/>`,
    `<text class="value${emphasis}" x="${NAME_WIDTH + Number(width.toFixed(1)) + 6}" y="${baseline}">${escaped(text)}</text>`,
  ].join("");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
