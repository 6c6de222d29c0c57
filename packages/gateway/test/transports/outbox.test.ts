import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventIds, placeOfEvent } from "../../src/fallback/event-id.ts";
import { OutFrame } from "../../src/fallback/out-frame.ts";
import { Outbox } from "../../src/fallback/outbox.ts";
import { decodeBatch, encodeBatch } from "../../src/fallback/session-wire.ts";

const frame = (text: string) => new OutFrame(Buffer.from(text));

/** What may happen to an outbox. */
const acts = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("push" as const), bytes: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ kind: fc.constant("take" as const), bytes: fc.integer({ min: 1, max: 100 }) }),
    fc.record({ kind: fc.constant("lose" as const), back: fc.integer({ min: 0, max: 5 }) }),
    fc.record({ kind: fc.constant("forget" as const) }),
  ),
  { maxLength: 200 },
);

type Act = { kind: "push" | "take"; bytes: number } | { kind: "lose"; back: number } | { kind: "forget" };

const LIMIT_BYTES = 100;

/** An outbox beside what its client must have, and whether the client was told that something is missing. */
class World {
  readonly outbox = new Outbox(LIMIT_BYTES);
  readonly pushed: OutFrame[] = [];
  /** Number of the last frame that the client shows to have. */
  has = 0;
  isTold = false;

  run(act: Act): void {
    if (act.kind === "push") this.#push(act.bytes);
    else if (act.kind === "take") this.#take(act.bytes);
    else if (act.kind === "lose") this.#lose(act.back);
    else this.outbox.forgetOld();
  }

  check(): void {
    const waiting = this.pushed.slice(this.has).reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect([this.outbox.waitingBytes, this.outbox.last]).toEqual([waiting, this.pushed.length]);
  }

  #push(bytes: number): void {
    const { outbox } = this;
    const next = frame("x".repeat(bytes));
    const fits = !outbox.hasWaiting || outbox.waitingBytes + bytes <= LIMIT_BYTES;
    expect(outbox.push(next)).toBe(fits);
    if (fits) this.pushed.push(next);
  }

  #take(bytes: number): void {
    for (const taken of this.outbox.take(bytes)) {
      expect(taken.number).toBe(this.has + 1);
      expect(taken.frame).toBe(this.pushed[this.has]);
      this.has++;
    }
  }

  /** An answer gets lost, so the client shows an older number. */
  #lose(back: number): void {
    this.has = Math.max(this.has - back, 0);
    this.isTold = !this.outbox.has(this.has);
    expect(this.outbox.acknowledge(this.has)).toBe(!this.isTold);
  }
}

describe("outbox", () => {
  test("whatever is pushed, taken, lost on the way and forgotten: a client gets every frame, once and in order, or is told", () => {
    fc.assert(
      fc.property(acts, (steps) => {
        const world = new World();
        for (const act of steps) {
          world.run(act);
          if (world.isTold) return;
          world.check();
        }
        world.run({ kind: "take", bytes: Number.POSITIVE_INFINITY });
        expect(world.has).toBe(world.pushed.length);
      }),
    );
  });

  test("a frame that is longer than the bound is taken when nothing else waits", () => {
    const outbox = new Outbox(10);
    expect(outbox.push(frame("x".repeat(50)))).toBe(true);
    expect(outbox.push(frame("x"))).toBe(false);
    expect(outbox.take(1)).toHaveLength(1);
    expect(outbox.push(frame("x"))).toBe(true);
  });

  test("numbers that it has not come to, or keeps no more, are not acknowledged", () => {
    const outbox = new Outbox(100);
    for (const text of ["a", "b", "c"]) outbox.push(frame(text));
    outbox.take(100);
    expect(outbox.acknowledge(2)).toBe(true);
    expect([outbox.acknowledge(1), outbox.acknowledge(4), outbox.acknowledge(3)]).toEqual([false, false, true]);
  });
});

describe("frames as events", () => {
  test("any JSON text, line breaks and all, is read by an event stream's rules as the same value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom("\n", "\r", "\r\n", " "), (value, blank) => {
        const text = JSON.stringify(value, null, 1).replaceAll("\n", blank);
        const event = Buffer.from(frame(text).eventData).toString();
        expect(event.endsWith("\n\n")).toBe(true);
        const lines = event.slice(0, -2).split(/\r\n|\n|\r/);
        const data = lines.map((line) => {
          expect(line.startsWith("data: ")).toBe(true);
          return line.slice(6);
        });
        expect(JSON.parse(data.join("\n"))).toEqual(JSON.parse(text));
      }),
    );
  });

  test("a delivery's position is read where it stands, and no payload looks like one", () => {
    const at = (text: string) => frame(text).deliveredAt;
    const position = { channel: "a", position: "E:5" };
    expect(at('{"channel":"a","event":"e","payload":1,"position":"E:5"}')).toEqual(position);
    expect(at('{"channel":"a","event":"e","payload":1,"position":"E:5","receipt":"r%20"}')).toEqual(position);
    for (const payload of [{ position: "E:9" }, '"position":"E:9"}', ["position", "E:9"], { a: { position: "E:9" } }]) {
      expect(at(JSON.stringify({ channel: "a", event: "e", payload }))).toBeNull();
    }
    expect(at('{"type":"gap","channel":"a","position":"E:5"}')).toBeNull();
    expect(at("")).toBeNull();
  });

  test("ids of a single channel carry where its client stands, and never more than it has", () => {
    const ids = new EventIds("1.S", "a", "E:1");
    expect(ids.first(0)).toBe("0:1.S:E:1");
    expect(ids.next(1, frame('{"type":"welcome"}'))).toBe("1:1.S:E:1");
    expect(ids.next(2, frame('{"type":"subscribed","channel":"a","position":"E:3","recovered":true}'))).toBe(
      "2:1.S:E:1",
    );
    for (const follows of ['"rewound":2', '"cached":true']) {
      expect(ids.next(2, frame(`{"type":"subscribed","channel":"a","position":"E:3",${follows}}`))).toBe("2:1.S:E:1");
    }
    expect(ids.next(3, frame('{"channel":"a","event":"e","payload":1,"position":"E:2"}'))).toBe("3:1.S:E:2");
    expect(ids.next(4, frame('{"channel":"b","event":"e","payload":1,"position":"E:7"}'))).toBe("4:1.S:E:2");
    expect(ids.next(5, frame('{"type":"subscribed","channel":"a"}'))).toBe("5:1.S");
    expect(placeOfEvent("3:1.S:E:2:t")).toEqual({ sessionId: "1.S", after: 3, position: "E:2:t" });
    expect(placeOfEvent("4:1.S")).toEqual({ sessionId: "1.S", after: 4, position: null });
    for (const text of ["", "x", "1", ":", "1:", "-1:1.S", "1:1.S:é", `1:${"S".repeat(65)}`]) {
      expect(placeOfEvent(text)).toBeNull();
    }
  });
});

describe("batches between gateways", () => {
  test("arrive as they were, in parts of any size", () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 20 }), fc.integer({ min: 1, max: 500 }), (texts, partBytes) => {
        const frames = texts.map((each, index) => ({ number: index + 8, frame: new OutFrame(each) }));
        const closing = { code: 4200, reason: "ü" };
        const batch = { frames, next: 7 + frames.length, closing, isReplaced: false };
        const decoded = decodeBatch(encodeBatch({ ok: true, value: batch }, partBytes));
        if (decoded?.ok !== true) throw new Error("it was not read");
        const { frames: read, ...rest } = decoded.value;
        expect(rest).toEqual({ next: batch.next, closing, isReplaced: false });
        expect(read.map(({ number }) => number)).toEqual(frames.map(({ number }) => number));
        expect(read.map(({ frame: each }) => [...each.bytes])).toEqual(texts.map((each) => [...each]));
      }),
    );
  });

  test("anything else is not taken for one", () => {
    fc.assert(fc.property(fc.array(fc.anything()), (parts) => void decodeBatch(parts)));
    expect(decodeBatch([])).toBeNull();
    expect(decodeBatch([[false, "no_such_code", "m"]])).toBeNull();
    expect(decodeBatch([[true, 1, 1, null, false], "text"])).toBeNull();
  });
});
