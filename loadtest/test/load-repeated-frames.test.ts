import { describe, expect, test } from "vitest";
import { NativeDialect } from "../k6/lib/native-dialect.ts";
import { numberedText } from "../k6/lib/numbered.ts";
import { RepeatedFrames } from "../k6/lib/repeated-frames.ts";

const plain = new NativeDialect({ key: "k", payloadBytes: 128 });

function frame(number: number): string {
  const payload = numberedText({ kind: "S", phase: 1, number, atMs: 1_800_000_000_000, target: 0 }, 128);
  return JSON.stringify({ channel: "load-1-shared", event: "load.numbered", payload });
}

describe("frames that many clients are sent", () => {
  test("are read as they would be one by one, repeated, in turns, damaged or not", () => {
    const repeated = new RepeatedFrames(plain);
    const damaged = frame(2).replace("x.", "x");
    for (const each of [frame(1), frame(1), frame(2), frame(1), damaged, damaged, frame(2), "not JSON", "not JSON"])
      expect(repeated.read(each)).toEqual(plain.read(each));
  });

  test("are read only once", () => {
    let reads = 0;
    const counting = new RepeatedFrames({
      path: plain.path,
      subprotocol: null,
      isBinary: false,
      subscribe: (subscriptions) => plain.subscribe(subscriptions),
      read: (text) => {
        reads++;
        return plain.read(text);
      },
    });
    for (const each of [frame(1), frame(1), frame(1), frame(2), frame(2)]) counting.read(each);
    expect(reads).toBe(2);
  });
});
