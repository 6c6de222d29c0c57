import { describe, expect, test } from "vitest";
import type { Resumption } from "./event-stream-sessions.ts";
import type { Fault } from "./faulty-system.ts";
import { FaultySystem } from "./faulty-system.ts";
import { runLoad } from "./run-load.ts";

interface Planted {
  readonly fault?: Fault;
  readonly resumption?: Resumption;
}

/** Publishes so often that some fall into each break. */
async function judged({ fault, resumption }: Planted) {
  await using system = await FaultySystem.start(fault, undefined, resumption);
  return await runLoad({ SCENARIO: "sse", RATE: "20", CHURN: "0.2", ...system.variables });
}

/** Does wrong once, where the frame at `offset` from the place to go on at is a publication of the load. */
function onceAt(offset: number, wrong: number | null): Resumption {
  let isDone = false;
  return ({ after, frames }) => {
    if (isDone || frames[after + offset]?.includes("load.numbered") !== true) return after;
    isDone = true;
    return wrong === null ? null : after + wrong;
  };
}

describe("a planted fault is found over SSE", () => {
  test("without one, the run passes, and sessions were taken up again", async () => {
    const { exitCode, report, html, output } = await judged({});
    expect(exitCode, output).toBe(0);
    const { counts, times } = report?.results ?? {};
    expect(counts).toMatchObject({
      clients: 40,
      subscribed: 40,
      lost: 0,
      duplicates: 0,
      disconnects: 0,
      not_recovered: 0,
    });
    expect(counts?.recovered).toBeGreaterThan(0);
    // Those, and all clients in the storm.
    const returned = times?.reconnect_ms.reduce((sum, [, count]) => sum + count, 0);
    expect(returned).toBe(40 + (counts?.recovered ?? 0));
    expect(html).toContain("<svg");
  });

  test.each<[what: string, planted: Planted, missed: string, counts: object]>([
    [
      "one lost delivery among all",
      { fault: ({ turn }) => (turn === 57 ? { times: 0 } : {}) },
      "publications lost",
      { lost: 1, duplicates: 0 },
    ],
    [
      "one delivery that comes twice",
      { fault: ({ turn }) => (turn === 57 ? { times: 2 } : {}) },
      "publications delivered twice",
      { lost: 0, duplicates: 1 },
    ],
    [
      "a session that goes on behind what was missed",
      { resumption: onceAt(0, 1) },
      "publications lost",
      { lost: 1, duplicates: 0 },
    ],
    [
      "a session that goes on before what the client has",
      { resumption: onceAt(-1, -1) },
      "publications delivered twice",
      { lost: 0, duplicates: 1 },
    ],
  ])("%s", async (_what, planted, missedTitle, counts) => {
    const { exitCode, report, missed } = await judged(planted);
    expect({ exitCode, missed }).toEqual({ exitCode: 1, missed: [missedTitle] });
    expect(report?.results.counts).toMatchObject(counts);
  });

  test("a session that is gone while it should be kept, with all that came meanwhile", async () => {
    const { exitCode, report, missed } = await judged({ resumption: onceAt(0, null) });
    expect({ exitCode, missed }).toEqual({
      exitCode: 1,
      missed: ["publications lost", "connections that broke", "recoveries that failed"],
    });
    expect(report?.results.counts).toMatchObject({ not_recovered: 1, disconnects: 1 });
  });

  test("a stream that breaks unasked, though nothing is missed", async () => {
    const { exitCode, report, missed } = await judged({
      fault: ({ turn, socket }) => {
        if (turn === 57) socket.terminate();
        return {};
      },
    });
    expect({ exitCode, missed }).toEqual({ exitCode: 1, missed: ["connections that broke"] });
    expect(report?.results.counts).toMatchObject({ disconnects: 1, lost: 0, duplicates: 0 });
  });
});
