import type { Envelope } from "@carillon/protocol";
import fc from "fast-check";

const CHANNEL_ALPHABET = [..."ABCXYZabcxyz0189-_=@,.;"];

/** Channel names that the grammar allows. */
export const channelName: fc.Arbitrary<string> = fc.oneof(
  fc
    .array(fc.constantFrom(...CHANNEL_ALPHABET), { minLength: 1, maxLength: 200 })
    .map((characters) => characters.join("")),
  fc.constantFrom("user-42", "private-orders", "presence-room", "a".repeat(200)),
);

/** Event names that may be published, in many scripts. */
export const eventName: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 }).filter(isPublishable),
  fc.constantFrom("order.created", "client-typing", "€".repeat(200), "😀".repeat(100), "\ufeffmark", '"\\'),
);

function isPublishable(name: string): boolean {
  return name.length <= 200 && !/^(pusher:|pusher_internal:|carillon:)/.test(name) && !/\p{Cc}/u.test(name);
}

/** Any bytes as an own Uint8Array at a random offset of a larger buffer, as a network hands them over. */
export function bytes(maxLength = 200): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(fc.uint8Array({ maxLength }), fc.nat({ max: 9 }))
    .map(([content, offset]) => withOffset(content, offset));
}

/** A copy of `content` that is a view into a larger buffer full of other bytes. */
export function withOffset(content: Uint8Array, offset: number): Uint8Array {
  const buffer = new Uint8Array(offset + content.length + 7).fill(0x5d);
  buffer.set(content, offset);
  return buffer.subarray(offset, offset + content.length);
}

/** Values that JSON can say, with all the nasty keys but `__proto__`, which the decoder of the tests' client renames. */
export const jsonValue: fc.Arbitrary<unknown> = fc.oneof(
  fc
    .jsonValue({ maxDepth: 4 })
    .filter((value) => !JSON.stringify(value).includes("__proto__"))
    // JSON can't say -0 either.
    .map((value): unknown => JSON.parse(JSON.stringify(value))),
  fc.constantFrom<unknown>(
    { constructor: 1, toJSON: 1, hasOwnProperty: 2 },
    { length: 3, valueOf: null },
    [[], {}, [[]], { "": {} }],
    { payload: { payload: "}" } },
    Number.MAX_SAFE_INTEGER,
    2 ** 53,
    -(2 ** 40),
    1e300,
    5e-324,
    "\u2028\u2029 \u0000 😀",
  ),
);

/** A blank of JSON, often none. */
const blank = fc.array(fc.constantFrom(" ", "\n", "\r", "\t"), { maxLength: 2 }).map((each) => each.join(""));

/** JSON text of a string in which some characters are escaped that need not be. */
export const jsonStringText: fc.Arbitrary<string> = fc
  .array(
    fc.tuple(
      fc.oneof(
        fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
        fc.constantFrom("\ud800", '"', "\\", "}", "]", ","),
      ),
      fc.boolean(),
    ),
    { maxLength: 6 },
  )
  .map(
    (characters) =>
      `"${characters.map(([character, isEscaped]) => (isEscaped ? escaped(character) : JSON.stringify(character).slice(1, -1))).join("")}"`,
  );

function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`,
  ).join("");
}

const keyText = fc.oneof(
  jsonStringText,
  fc.constantFrom('"payload"', '"pa\\u0079load"', '"a"', '"é"', '"\\u00e9"', '"Ã©"', '"__proto__"', '"toString"', '""'),
);

const numberText = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.constantFrom("0", "-0", "1.0", "1E+2", "12345678901234567890", "0.1e-7"),
);

/** JSON text of any value: blanks, escapes and repeated keys included. */
export const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string; list: string; map: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom("null", "true", "false"),
    numberText,
    jsonStringText,
    tie("list"),
    tie("map"),
  ),
  list: spaced(tie("value")).map((items) => `[${items}]`),
  map: spaced(
    fc
      .tuple(keyText, blank, blank, tie("value"))
      .map(([key, before, after, value]) => `${key}${before}:${after}${value}`),
  ).map((members) => `{${members}}`),
})).value;

function spaced(item: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.array(
        fc.tuple(blank, item, blank).map((parts) => parts.join("")),
        { maxLength: 5 },
      ),
      blank,
    )
    .map(([items, inside]) => (items.length === 0 ? inside : items.join(",")));
}

/** Envelopes whose fields keep their bounds. */
export const envelope: fc.Arbitrary<Envelope> = fc.record(
  {
    id: fc.string({ unit: "grapheme-ascii", maxLength: 128 }),
    timeMs: fc.double({ noNaN: true }),
    exclude: fc.string({ unit: "grapheme-ascii", maxLength: 64 }),
    event: eventName,
    payload: bytes(),
    wantsReceipt: fc.constant<true>(true),
    isDataText: fc.constant<true>(true),
    userId: fc.constantFrom("u-1", "€".repeat(128), "__proto__"),
  },
  { requiredKeys: ["id", "timeMs", "exclude", "event", "payload"] },
);
