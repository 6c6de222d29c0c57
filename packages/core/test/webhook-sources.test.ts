import { describe, expect, it } from "vitest";
import { Channel } from "../src/channel.ts";
import { MemoryWebhookQueue } from "../src/index.ts";
import { WebhookSources } from "../src/webhooks/webhook-sources.ts";
import { ClusterWorld } from "./support/cluster-world.ts";
import { createApp } from "./support/test-node.ts";

const ENDPOINT = {
  id: "e",
  url: "http://e/",
  events: ["*"],
  channelPrefix: "",
  headers: {},
  allowPrivateNetwork: true,
};
/** More than may wait for the queue. */
const CHANNELS = 12_000;

describe("webhook sources", () => {
  it("a gateway dies with more channels than may wait for the queue, and all of them are told to be vacated", async () => {
    const world = new ClusterWorld();
    const queue = new MemoryWebhookQueue({ clock: world.clock, maxEntries: 100_000 });
    const app = createApp({ webhooks: [ENDPOINT] });
    const add = async (id: string) => {
      const node = await world.add(id);
      const sources = new WebhookSources({
        queue,
        apps: { all: [app], byId: () => app },
        cluster: node.cluster,
        bus: node.bus,
        clock: world.clock,
        random: () => 0,
        onRefused: () => undefined,
      });
      await node.cluster.start();
      return { node, sources };
    };
    const [lives, dies] = [await add("g1"), await add("g2")];
    await world.run(500);
    for (let index = 0; index < CHANNELS; index++) {
      const channel = new Channel({ appId: app.id, channel: `c-${index}` }, () => undefined, null);
      dies.sources.joined(app, { channel, member: null });
    }
    await world.run(1000);
    await world.run(10_000);
    expect((await queue.stats()).queued).toBe(CHANNELS);
    void dies.sources.close(0);
    world.kill(dies.node);
    await world.run(20_000);
    expect(lives.sources.counters.dropped).toBe(0);
    expect((await queue.stats()).queued).toBe(2 * CHANNELS);
    await lives.sources.close(0);
    world.close();
  });
});
