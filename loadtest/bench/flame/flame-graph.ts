import type { Frame } from "./cpu-profile.ts";

const WIDTH = 1200;
const ROW_HEIGHT = 17;
const TOP = 28;
/** Narrower ones would not be seen, and there are thousands. */
const LEAST_WIDTH = 1;
const LETTER_WIDTH = 6.2;
const LEAST_LETTERS = 3;
/** By where the code is from. */
const COLOURS: readonly (readonly [RegExp, string])[] = [
  [/^packages\//, "#f6a04d"],
  [/^node_modules\//, "#f3d36b"],
  [/^node:/, "#9ec5e8"],
];
const OTHER_COLOUR = "#c9c9c9";

/** A picture of a call tree, callers above callees, as wide as the time that they took. Hovering tells more. */
export function flameGraph(root: Frame, title: string): string {
  const boxes: string[] = [];
  let rows = 0;
  const draw = (frame: Frame, left: number, row: number): void => {
    const width = (frame.us / root.us) * WIDTH;
    if (width < LEAST_WIDTH) return;
    rows = Math.max(rows, row + 1);
    boxes.push(boxOf(frame, { left, width, top: TOP + row * ROW_HEIGHT, share: frame.us / root.us }));
    let at = left;
    for (const callee of [...frame.callees.values()].toSorted((one, other) => other.us - one.us)) {
      draw(callee, at, row + 1);
      at += (callee.us / root.us) * WIDTH;
    }
  };
  draw(root, 0, 0);
  const height = TOP + rows * ROW_HEIGHT + 4;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="10">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="4" y="18" font-size="13">${escaped(title)}</text>`,
    ...boxes,
    "</svg>\n",
  ].join("\n");
}

interface Box {
  readonly left: number;
  readonly width: number;
  readonly top: number;
  readonly share: number;
}

function boxOf({ name, place }: Frame, { left, width, top, share }: Box): string {
  const letters = Math.floor((width - 4) / LETTER_WIDTH);
  const label = letters < LEAST_LETTERS ? "" : escaped(name.slice(0, letters));
  const hint = escaped(`${name} ${place} ${(share * 100).toFixed(1)} %`.replace(/ {2,}/, " "));
  const text = label === "" ? "" : `<text x="${(left + 2).toFixed(1)}" y="${top + 12}">${label}</text>`;
  const rect = `<rect x="${left.toFixed(1)}" y="${top}" width="${Math.max(width - 0.5, 0.5).toFixed(1)}" height="16" fill="${colourOf(place)}">`;
  return `<g>${rect}<title>${hint}</title></rect>${text}</g>`;
}

function colourOf(place: string): string {
  return COLOURS.find(([from]) => from.test(place))?.[1] ?? OTHER_COLOUR;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
