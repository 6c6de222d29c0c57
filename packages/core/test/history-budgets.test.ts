import {
  type App,
  type AppRegistry,
  createHistoryCounters,
  HistoryBudgets,
  MemoryBackbone,
  MemoryHistory,
} from "@carillon/core";
import { expect, it } from "vitest";
import { ClusterWorld } from "./support/cluster-world.ts";
import { createApp } from "./support/test-node.ts";

const LIMITS = { messages: 1000, maxAgeMs: 3_600_000 };
const ids = { random: Math.random };

/** A registry of some apps, as far as budgets look at it. */
function registryOf(all: readonly App[]): AppRegistry {
  return {
    all,
    first: all[0] as App,
    byKey: () => null,
    byId: () => null,
    byPublishSecret: () => null,
    onChange: () => () => undefined,
  };
}

it("history budgets › one gateway of the cluster holds each app to its bytes, and another one takes over when it is gone", async () => {
  const world = new ClusterWorld();
  const { clock } = world;
  const history = new MemoryHistory({ backbone: new MemoryBackbone({ clock }), clock, ids });
  const bounded = createApp({ id: "bounded", limits: { historyBytes: 20_000 } });
  const free = createApp({ id: "free" });
  const [first, second] = await world.start("1", "2");
  const publisher = await world.add("0", false);
  await publisher.cluster.start();
  const budgets = [first, second].map((node) => {
    const counters = createHistoryCounters();
    const trimmed: string[] = [];
    const keeper = new HistoryBudgets({
      store: history,
      apps: registryOf([free, bounded]),
      cluster: (node ?? publisher).cluster,
      clock,
      random: () => 0.5,
      counters,
      onTrimmed: (appId) => trimmed.push(appId),
      onFailure: (_, error) => {
        throw error;
      },
    });
    return { counters, trimmed, keeper };
  });
  const append = async (appId: string, from: number) => {
    for (let count = from; count < from + 40; count++) {
      const options = { limits: LIMITS, idempotencyKey: `${count}` };
      await history.append({ appId, channel: "c" }, new Uint8Array(800), options);
    }
  };
  const keptOf = async (appId: string) =>
    (await history.read({ appId, channel: "c" }, { limits: LIMITS, since: null, limit: 1000, direction: "forward" }))
      .publications.length;

  await append("bounded", 0);
  await append("free", 0);
  await world.run(31_000);
  expect([await keptOf("bounded"), await keptOf("free")]).toEqual([18, 40]);
  expect(budgets.map(({ counters, trimmed }) => [counters.trimmed, trimmed])).toEqual([
    [22, ["bounded"]],
    [0, []],
  ]);

  budgets[0]?.keeper.close();
  if (first !== undefined) world.kill(first);
  await append("bounded", 40);
  await world.run(40_000);
  expect(await keptOf("bounded")).toBe(18);
  expect(budgets[1]?.trimmed).toEqual(["bounded"]);
  budgets[1]?.keeper.close();
});
