import { RecordingReceiver } from "@carillon/testkit/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { identityOf, MAX_SEEN_ENVELOPES, SeenEnvelopes } from "../src/seen-envelopes.ts";
import { TwoWays, type Way } from "../src/two-ways.ts";
import { envelope } from "./support/helpers.ts";

interface Copy {
  readonly id: string;
  readonly way: Way;
}

interface Stretches {
  /** So many come on the old way alone, before the new one stands. */
  readonly alone: number;
  /** These come on both; true: on the old one first. */
  readonly both: readonly boolean[];
  /** So many come on the new way alone. */
  readonly after: number;
}

/** What one publisher sends, and its copies as a server sends them. */
function copiesOf({ alone, both, after }: Stretches, at: { publisher: number; old: Way; fresh: Way }) {
  const { publisher, old, fresh } = at;
  const ids = Array.from({ length: alone + both.length + after }, (_, index) => `${publisher}-${index}`);
  const copies = ids.flatMap((id, index): Copy[] => {
    const isOldFirst = both[index - alone];
    if (index < alone) return [{ id, way: old }];
    const ways = isOldFirst === undefined ? [fresh] : isOldFirst ? [old, fresh] : [fresh, old];
    return ways.map((way) => ({ id, way }));
  });
  return { ids, copies };
}

describe("TwoWays", () => {
  it("law › of the copies of each publisher, as a server sends them, one of each is taken, in order", () => {
    const stretches = fc.record({
      alone: fc.nat(5),
      both: fc.array(fc.boolean(), { maxLength: 10 }),
      after: fc.nat(5),
    });
    const turns = fc.array(fc.nat(1), { maxLength: 80 });
    const ways = fc.constantFrom<[Way, Way]>(["exact", "wildcard"], ["wildcard", "exact"]);
    fc.assert(
      fc.property(ways, fc.tuple(stretches, stretches), turns, ([old, fresh], parts, order) => {
        const published = parts.map((part, publisher) => copiesOf(part, { publisher, old, fresh }));
        const queues = published.map(({ copies }) => copies);
        const two = new TwoWays();
        const receiver = new RecordingReceiver("app", "c");
        const taken: string[] = [];
        const take = (copy: Copy | undefined) => {
          if (copy !== undefined && !two.isRepeat(copy.way, receiver, envelope(copy.id))) taken.push(copy.id);
        };
        for (const publisher of order) take(queues[publisher]?.shift());
        for (const copy of queues.flat()) take(copy);
        expect([0, 1].map((publisher) => taken.filter((id) => id.startsWith(`${publisher}-`)))).toEqual(
          published.map(({ ids }) => ids),
        );
      }),
    );
  });

  it("end › second copies of what came before are known after it, and what comes then has none", () => {
    const two = new TwoWays();
    const receiver = new RecordingReceiver("app", "c");
    expect(two.isRepeat("exact", receiver, envelope("before"))).toBe(false);
    two.end();
    expect(two.isRepeat("wildcard", receiver, envelope("before"))).toBe(true);
    expect(two.isRepeat("wildcard", receiver, envelope("after"))).toBe(false);
    expect(two.isRepeat("exact", receiver, envelope("after"))).toBe(false);
  });

  it("channels › one id on two channels is two envelopes", () => {
    const two = new TwoWays();
    const [first, second] = [new RecordingReceiver("app", "one"), new RecordingReceiver("app", "two")];
    expect(two.isRepeat("exact", first, envelope("same"))).toBe(false);
    expect(two.isRepeat("wildcard", second, envelope("same"))).toBe(false);
    expect(two.isRepeat("wildcard", first, envelope("same"))).toBe(true);
  });
});

describe("SeenEnvelopes", () => {
  it("bound › the oldest of the receiver is forgotten where there are too many", () => {
    const seen = new SeenEnvelopes();
    const receiver = new RecordingReceiver("app", "c");
    for (let index = 0; index <= MAX_SEEN_ENVELOPES; index++) seen.note(receiver, `${index}`);
    expect(seen.take(receiver, "0")).toBe(false);
    expect(seen.take(receiver, "1")).toBe(true);
    expect(seen.take(receiver, "1")).toBe(false);
    expect(seen.take(receiver, `${MAX_SEEN_ENVELOPES}`)).toBe(true);
  });

  it("identity › bytes that are no envelope stand for themselves", () => {
    const [one, other] = [Uint8Array.of(1, 2), Uint8Array.of(1, 3)];
    expect(identityOf(one)).toBe(identityOf(Uint8Array.of(1, 2)));
    expect(identityOf(one)).not.toBe(identityOf(other));
    expect(identityOf(envelope("id"))).toBe("id");
  });
});
