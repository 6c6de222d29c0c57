import { eventually, NatsCluster } from "@carillon/testkit";
import { describe, expect, test } from "vitest";
import { CarillonProcess } from "../test/support/carillon-process.ts";
import { GUIDE_CONFIG, writeConfig } from "../test/support/config-file.ts";
import { Follower } from "../test/support/follower.ts";
import { insist, SETTLE, upTo } from "../test/support/publishing.ts";

const CONFIG = `${GUIDE_CONFIG}
channels:
  - { match: "orders-*", history: { messages: 1000, maxAge: 1h } }
nats: { history: { streams: 1, replicas: 3 }, idempotency: { replicas: 3 } }
`;

/** Publishes numbers until it is told to stop, a thousand a second or as many as go; resolves with how many were accepted. */
async function flood(publisher: CarillonProcess, channel: string, until: () => boolean): Promise<number> {
  let count = 0;
  while (!until()) {
    const numbers = Array.from({ length: 10 }, (_, index) => count + index + 1);
    // In order: a batch is published one behind the other.
    const events = numbers.map((number) => ({
      channel,
      event: "numbered",
      payload: number,
      id: `${channel}-${number}`,
    }));
    await eventually(async () => {
      const response = await fetch(`${publisher.url}/publish/batch`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-publish-secret": "guide-secret" },
        body: JSON.stringify({ events }),
      });
      expect(response.status).toBe(204);
    }, SETTLE);
    count += numbers.length;
  }
  return count;
}

describe("history › a gateway and its nats-server", () => {
  test("kill -9 of the server under load: nothing is missed, doubled or out of order, and channels without history are told of a gap", async () => {
    await using nats = await NatsCluster.start({ jetStream: true });
    const config = await writeConfig(CONFIG);
    const args = (...urls: readonly string[]) => ["--config", config, "--nats", urls.join(",")];
    // The gateway begins on the first, and may go to the others.
    await using gateway = await CarillonProcess.start("gateway", args(nats.server(0).url));
    await using publisher = await CarillonProcess.start("publisher", args(nats.server(1).url, nats.server(2).url));
    await using follower = new Follower("orders-1");
    await using other = new Follower("without-history");
    await follower.join(gateway);
    await other.join(gateway);
    let isOver = false;
    const flooding = flood(publisher, "orders-1", () => isOver);
    await eventually(() => expect(follower.payloads.length).toBeGreaterThan(100), SETTLE);
    await nats.server(0).kill();
    await eventually(() => expect(gateway.log).toContain("bus_disconnected"), SETTLE);
    await eventually(async () => expect(await gateway.metric("carillon_bus_connected")).toBe(1), SETTLE);
    isOver = true;
    const count = await flooding;
    await eventually(() => expect(follower.payloads.length).toBeGreaterThanOrEqual(count), SETTLE);
    expect(follower.payloads).toEqual(upTo(count));
    await eventually(() => expect(other.client.frames).toContainEqual({ type: "gap", channel: "without-history" }));
    expect(follower.client.frames.filter(({ type }) => type === "gap")).toEqual([]);
  }, 180_000);

  test("SIGSTOP of the gateway for longer than a connection may be silent: its clients stay, and get what they missed", async () => {
    await using nats = await NatsCluster.start({ jetStream: true });
    const config = await writeConfig(CONFIG);
    const args = ["--config", config, "--nats", nats.urls.join(",")];
    await using gateway = await CarillonProcess.start("gateway", args);
    await using publisher = await CarillonProcess.start("publisher", args);
    await using follower = new Follower("orders-1");
    await follower.join(gateway);
    await insist(publisher, "orders-1", 1);
    process.kill(gateway.pid, "SIGSTOP");
    const frozenAtMs = performance.now();
    let number = 1;
    // Fewer than are kept.
    while (number < 500) await insist(publisher, "orders-1", ++number);
    const frozenMs = () => performance.now() - frozenAtMs;
    await eventually(() => expect(frozenMs()).toBeGreaterThan(12_000), SETTLE);
    process.kill(gateway.pid, "SIGCONT");
    await insist(publisher, "orders-1", ++number);
    await eventually(() => expect(follower.payloads.length).toBeGreaterThanOrEqual(number), SETTLE);
    expect(await follower.client.request({ type: "ping" })).toMatchObject({ type: "pong" });
    expect(follower.payloads).toEqual(upTo(number));
  }, 180_000);
});

describe("history › three nats-servers that lose each other", () => {
  test.each([
    ["on another side than the gateway", 1],
    ["on the gateway's side, where it doesn't know yet that it is none any more", 0],
  ])(
    "with the leader %s › what never reached the gateway's server is delivered once they are together, though nothing follows it",
    async (_, leader) => {
      await using nats = await NatsCluster.start({ jetStream: true, harmableLinks: true });
      const config = await writeConfig(CONFIG);
      const on = (index: number) => ["--config", config, "--nats", nats.server(index).url];
      await using publisher = await CarillonProcess.start("publisher", on(1));
      await using gateway = await CarillonProcess.start("gateway", on(0));
      await using follower = new Follower("orders-1");
      await follower.join(gateway);
      await insist(publisher, "orders-1", 1);
      await eventually(() => expect(follower.payloads).toEqual([1]));
      await nats.lead("CARILLON_HIST_0", leader);
      nats.links.isolate("cut", 0);
      // The others may have to choose a new leader first.
      await insist(publisher, "orders-1", 2);
      expect(follower.payloads).toEqual([1]);
      nats.links.join();
      await eventually(() => expect(follower.payloads).toEqual([1, 2]), SETTLE);
      expect(gateway.log).not.toContain("bus_disconnected");
    },
    120_000,
  );
});
