import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nearest } from "../../src/config/suggestion.ts";
import { parseByteSize, parseSeconds } from "../../src/config/units.ts";

describe("units", () => {
  it("multiply a whole number by their factor", () => {
    const seconds = { s: 1, m: 60, h: 3600, d: 86_400 };
    const bytes = { B: 1, KB: 1000, MB: 1e6, GB: 1e9, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
    fc.assert(
      fc.property(fc.nat(100_000), (amount) => {
        for (const [unit, factor] of Object.entries(seconds))
          expect(parseSeconds(`${amount}${unit}`)).toBe(amount * factor);
        for (const [unit, factor] of Object.entries(bytes)) {
          expect(parseByteSize(`${amount}${unit}`)).toBe(amount * factor);
          expect(parseByteSize(`${amount} ${unit.toLowerCase()}`)).toBe(amount * factor);
        }
      }),
    );
  });

  it("take fractions that come out whole, and no others", () => {
    expect(parseByteSize("2.3KB")).toBe(2300);
    expect(parseByteSize("1.1KiB")).toBeNull();
    expect(parseSeconds("0.5m")).toBe(30);
    expect(parseSeconds("500ms")).toBeNull();
  });

  it.each(["", " ", "s", "-1s", "1e3", "1 m s", "1,5m", "١", "0x10", "1kbit", "Infinity", "1s\n"])(
    "refuse %j",
    (text) => {
      expect(parseSeconds(text)).toBeNull();
      expect(parseByteSize(text)).toBeNull();
    },
  );
});

describe("suggestions", () => {
  it("find every word with one slip of the finger", () => {
    const words = ["maxConnections", "idleTimeoutSeconds", "allowedOrigins", "publishSecret"];
    fc.assert(
      fc.property(
        fc.constantFrom(...words),
        fc.nat(13),
        fc.constantFrom("drop", "swap", "double"),
        (word, seed, slip) => {
          const at = seed % (word.length - 1);
          const [left, right] = [word.slice(0, at), word.slice(at)];
          const second = right.slice(0, 2).split("").reverse().join("");
          const slips = {
            drop: left + right.slice(1),
            swap: left + second + right.slice(2),
            double: left + right[0] + right,
          };
          expect(nearest(slips[slip as keyof typeof slips], words)).toBe(word);
        },
      ),
    );
  });

  it("stay away where nothing is near", () => {
    expect(nearest("webhooks", ["apps", "gateway", "publisher", "admin", "nats", "log"])).toBeNull();
  });
});
