import { describe, expect, test } from "vitest";
import { drawLines } from "../dashboards/pictures/line-chart.ts";
import { format } from "../dashboards/pictures/units.ts";
import { interpolate, rateIntervalSeconds } from "../dashboards/pictures/variables.ts";

describe("units", () => {
  test.each([
    [0, "short", "0"],
    [1234, "short", "1.23 K"],
    [0.25, "ops", "0.25 ops/s"],
    [4000, "reqps", "4 K req/s"],
    [0.0123, "s", "12.3 ms"],
    [90, "s", "1.5 min"],
    [0, "s", "0 s"],
    [3 * 1024 ** 2, "bytes", "3 MiB"],
    [2500, "Bps", "2.5 kB/s"],
    [0.051, "percentunit", "5.1%"],
  ])("%d in %s is %s", (value, unit, text) => {
    expect(format(value, unit)).toBe(text);
  });
});

describe("variables", () => {
  const choices = new Map([["namespace", { label: "Namespace", shown: "All", value: ".*", options: [] }]]);

  test("stand for what was chosen; a dollar of something else stays", () => {
    const expression = 'label_replace(rate(a{n=~"$namespace"}[$__rate_interval]), "b", "$1", "c", "(.*)")';
    expect(interpolate(expression, choices, 5)).toBe('label_replace(rate(a{n=~".*"}[60s]), "b", "$1", "c", "(.*)")');
  });

  test("a rate looks back for four scrapes, and more where points are further apart", () => {
    expect(rateIntervalSeconds(5)).toBe(60);
    expect(rateIntervalSeconds(300)).toBe(315);
  });
});

describe("lines", () => {
  const range = { from: 0, to: 100, step: 10 };
  const draw = (lines: Parameters<typeof drawLines>[0]["lines"], isStacked = false) =>
    drawLines({ lines, unit: "short", isStacked, range, width: 180, height: 122 });
  const strokes = (svg: string) => [...svg.matchAll(/<path d="([^"]+)" fill="none"/g)].map(([, path]) => path);

  test("a line goes from left to right, and the higher the value the higher it is", () => {
    // From x = 72 to 172, and from y = 106, which is 0, to 6, which is the last tick: 4.
    const [path] = strokes(
      draw([
        {
          name: "a",
          points: [
            [0, 0],
            [10, 4],
          ],
        },
      ]),
    );
    expect(path).toBe("M72 106L82 6");
  });

  test("lines of a stack stand on those before them", () => {
    const point = (value: number) => [[0, value] as const, [10, value] as const];
    const [first, second] = strokes(
      draw(
        [
          { name: "a", points: point(1) },
          { name: "b", points: point(3) },
        ],
        true,
      ),
    );
    expect(first).toBe("M72 81L82 81");
    expect(second).toBe("M72 6L82 6");
  });

  test("a line ends where points are missing", () => {
    expect(
      strokes(
        draw([
          {
            name: "a",
            points: [
              [0, 1],
              [10, 1],
              [50, 1],
              [60, 1],
            ],
          },
        ]),
      ),
    ).toHaveLength(2);
  });

  test("nothing but zeros has an axis as well", () => {
    expect(
      draw([
        {
          name: "a",
          points: [
            [0, 0],
            [10, 0],
          ],
        },
      ]),
    ).toContain(">1</text>");
  });
});
