import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BAR_WIDTH, type Panel, picture } from "../bench/peers/picture.ts";

const value = fc.oneof(fc.double({ min: 0.001, max: 1e6, noNaN: true }), fc.constant(Number.NaN));
const bar = fc.record({ name: fc.string(), value, text: fc.string(), isOurs: fc.boolean() });
const panel: fc.Arbitrary<Panel> = fc.record({ title: fc.string(), bars: fc.array(bar, { maxLength: 9 }) });
const panels = fc.array(panel, { minLength: 1, maxLength: 7 });

/** Widths of all bars, in order. */
function widths(svg: string): number[] {
  return [...svg.matchAll(/<rect[^>]* width="([\d.]+)"/g)].map((match) => Number(match[1]));
}

describe("the picture of the peers", () => {
  test("a bar is as long as its value, in proportion to the longest of its panel, which fills it", () => {
    fc.assert(
      fc.property(panel, (one) => {
        const values = one.bars.map((each) => each.value);
        const longest = Math.max(...values.filter((each) => !Number.isNaN(each)));
        const wanted = values.map((each) => (Number.isNaN(each) ? 0 : (each / longest) * BAR_WIDTH));
        const drawn = widths(picture("a picture", [one]));
        expect(drawn).toHaveLength(wanted.length);
        for (const [index, width] of drawn.entries()) expect(width).toBeCloseTo(wanted[index] ?? Number.NaN, 0);
      }),
    );
  });

  test("whatever it is made of, its tags are those that it draws, each closed", () => {
    fc.assert(
      fc.property(fc.string(), panels, (label, all) => {
        const svg = picture(label, all);
        const bars = all.reduce((sum, each) => sum + each.bars.length, 0);
        const tags = [...svg.matchAll(/<(\/?)([a-z]+)/g)].map((match) => `${match[1]}${match[2]}`);
        const count = (tag: string) => tags.filter((each) => each === tag).length;
        expect([count("svg"), count("/svg"), count("style"), count("/style")]).toEqual([1, 1, 1, 1]);
        expect([count("g"), count("/g"), count("rect")]).toEqual([all.length, all.length, bars]);
        expect([count("text"), count("/text")]).toEqual([all.length + 2 * bars, all.length + 2 * bars]);
        expect(tags).toHaveLength(4 + 2 * all.length + bars + 2 * (all.length + 2 * bars));
      }),
    );
  });

  test("nothing reaches beyond its edges, and panels don't overlap", () => {
    fc.assert(
      fc.property(panels, (all) => {
        const svg = picture("a picture", all);
        const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? [];
        const places = [...svg.matchAll(/translate\((\d+) (\d+)\)/g)].map((match) => `${match[1]},${match[2]}`);
        expect(new Set(places).size).toBe(all.length);
        const groups = svg.split("<g ").slice(1);
        for (const group of groups) {
          const [, , top] = /translate\((\d+) (\d+)\)/.exec(group) ?? [];
          for (const rect of group.matchAll(/<rect[^>]* y="(\d+)"/g))
            expect(Number(top) + Number(rect[1]) + 12).toBeLessThanOrEqual(Number(height));
        }
        expect(Number(width)).toBeGreaterThan(BAR_WIDTH);
      }),
    );
  });
});
