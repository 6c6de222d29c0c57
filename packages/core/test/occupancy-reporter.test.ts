import { FakeClock } from "@carillon/testkit";
import { describe, expect, it } from "vitest";
import type { OccupancyKey } from "../src/webhooks/occupancy-key.ts";
import { OccupancyReporter } from "../src/webhooks/occupancy-reporter.ts";

const KEY: OccupancyKey = { appId: "a", channel: "c", userId: null };

/** Lets everything that waits for nothing but its turn have it. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("occupancy reporter", () => {
  it("an owner that never answered makes nobody hear what is no longer so", async () => {
    const clock = new FakeClock();
    let owner = "dead";
    const heard: (readonly [nodeId: string, count: number | undefined])[] = [];
    let giveUp = (_hasHeard: boolean): void => undefined;
    const reporter = new OccupancyReporter({
      cluster: { nodeId: "self" },
      clock,
      ownerOf: () => owner,
      send: (nodeId, _version, [entry]) => {
        heard.push([nodeId, entry?.count]);
        return nodeId === "new" ? Promise.resolve(true) : new Promise((resolve) => (giveUp = resolve));
      },
    });
    const run = async () => {
      await settle();
      clock.advance(300);
      await settle();
    };
    reporter.change(KEY, 1, false);
    await run();
    giveUp(true);
    await run();
    reporter.change(KEY, -1, false);
    await run();
    // It is there again, on a channel that has another owner now.
    owner = "new";
    reporter.change(KEY, 1, false);
    await run();
    giveUp(false);
    await run();
    expect(heard.slice(0, 3)).toEqual([
      ["dead", 1],
      ["dead", 0],
      ["new", 1],
    ]);
    expect(heard.at(-1)).toEqual(["new", 1]);
    reporter.close();
  });
});
