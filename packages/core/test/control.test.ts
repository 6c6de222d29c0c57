import { ClusterControl } from "@carillon/core";
import { expect, it } from "vitest";
import { ClusterWorld, type WorldNode } from "./support/cluster-world.ts";

it("control › an answer without a gateway that is not heard says so, and one that has gone is not waited for", async () => {
  const world = new ClusterWorld();
  const [a, b, c] = (await world.start("a", "b", "c")) as [WorldNode, WorldNode, WorldNode];
  for (const { cluster, nodeId } of [a, b, c]) {
    cluster.handle("control-summaries", () => [[["x", nodeId === "a" ? 1 : 10, null, true]]]);
    cluster.handle("control-disconnect", () => [2]);
  }
  const control = new ClusterControl(a.cluster);
  const address = { appId: "1", channel: "x" };
  expect(await control.channel(address)).toMatchObject({ subscriptions: 21, isComplete: true });
  world.passes = (from, to) => from !== "c" && to !== "c";
  const asked = [control.channel(address), control.disconnect("1", { kind: "user", id: "ann" })] as const;
  await world.run(600);
  expect(await asked[0]).toMatchObject({ subscriptions: 11, isComplete: false });
  expect(await asked[1]).toEqual({ count: 4, isComplete: false });
  await world.run(5000);
  expect(await control.channel(address)).toMatchObject({ subscriptions: 11, isComplete: true });
  world.close();
});
