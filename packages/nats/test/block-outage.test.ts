import { type BlockStore, BlockStoreFullError, BlocksUnavailableError } from "@carillon/core";
import { eventually, NatsCluster, NatsServer, TcpProxy } from "@carillon/testkit";
import { connect } from "nats";
import { describe, expect, it } from "vitest";
import { connectNatsBus, type NatsBus, type NatsBusOptions } from "../src/index.ts";
import { RecordingLog } from "./support/recording-log.ts";

const ANN = { appId: "app", kind: "user", id: "ann" } as const;

const block = (id: string, ms = 3_600_000) => ({ ...ANN, id, reason: null, expiresAtMs: Date.now() + ms });

async function follower(url: string, options: Partial<NatsBusOptions> = {}): Promise<NatsBus> {
  const bus = await connectNatsBus({ servers: [url], ...options });
  bus.blocks.follow();
  return bus;
}

async function statusIs(store: BlockStore, status: string): Promise<void> {
  await eventually(() => expect(store.status).toBe(status), { timeoutMs: 20_000 });
}

describe("blocks › outages", () => {
  it("kill -9 of nats-server › what was known holds meanwhile, changes are refused, and everything is there again after it", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const [near, far] = [await follower(server.url), await follower(server.url)];
    await near.blocks.put(block("ann"));
    await far.blocks.refresh();
    await server.kill();
    await statusIs(far.blocks, "stale");
    expect(far.blocks.find(ANN)).not.toBeNull();
    await expect(far.blocks.put(block("bob"))).rejects.toThrow(BlocksUnavailableError);
    await expect(far.blocks.remove(ANN)).rejects.toThrow(BlocksUnavailableError);
    await expect(far.blocks.refresh()).rejects.toThrow(BlocksUnavailableError);
    await server.restart();
    await Promise.all([statusIs(near.blocks, "current"), statusIs(far.blocks, "current")]);
    const late = await follower(server.url);
    await statusIs(late.blocks, "current");
    for (const { blocks } of [near, far, late]) expect(blocks.find(ANN)).not.toBeNull();
    await late.blocks.put(block("bob"));
    await eventually(() => expect(near.blocks.find({ ...ANN, id: "bob" })).not.toBeNull());
    await Promise.all([near, far, late].map((bus) => bus.close()));
  });

  it("what was removed while a process was cut off is gone there when it is back, also when no trace of it is left", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    await using proxy = await TcpProxy.start({ targetPort: () => server.port });
    const [near, far] = [await follower(server.url), await follower(`nats://127.0.0.1:${proxy.port}`)];
    await near.blocks.put(block("ann"));
    await far.blocks.refresh();
    proxy.cut();
    await statusIs(far.blocks, "stale");
    await near.blocks.remove(ANN);
    const nats = await connect({ servers: server.url });
    await (await nats.jetstreamManager()).streams.purge("CARILLON_BLOCKS");
    await nats.close();
    expect(far.blocks.find(ANN)).not.toBeNull();
    proxy.heal();
    await statusIs(far.blocks, "current");
    expect(far.blocks.find(ANN)).toBeNull();
    await Promise.all([near.close(), far.close()]);
  });

  it("without JetStream nobody is blocked, and nobody can be", async () => {
    await using server = await NatsServer.start();
    const log = new RecordingLog();
    const bus = await follower(server.url, { log });
    await bus.blocks.whenLoaded(10_000);
    expect([bus.blocks.status, log.count("blocks_unavailable")]).toEqual(["absent", 1]);
    await expect(bus.blocks.put(block("ann"))).rejects.toThrow("JetStream");
    await bus.close();
  });

  it("while JetStream doesn't answer at the start the list counts as not loaded, until it does", async () => {
    const servers = await NatsCluster.start({ size: 3, jetStream: true });
    const before = await follower(servers.server(0).url, { blocks: { replicas: 3 } });
    await before.blocks.put(block("ann"));
    await before.blocks.refresh();
    // One of three is no majority: nobody has the last word, once the leader has noticed.
    await Promise.all([servers.server(1).kill(), servers.server(2).kill()]);
    await statusIs(before.blocks, "stale");
    await eventually(() => expect(before.status).toBe("connected"));
    const late = await follower(servers.server(0).url, { blocks: { replicas: 3 } });
    await late.blocks.whenLoaded(3000);
    expect(late.blocks.status).toBe("loading");
    expect(before.blocks.find(ANN)).not.toBeNull();
    await Promise.all([servers.server(1).restart(), servers.server(2).restart()]);
    await eventually(() => expect(late.blocks.status).toBe("current"), { timeoutMs: 40_000 });
    expect(late.blocks.find(ANN)).not.toBeNull();
    await Promise.all([before.close(), late.close()]);
    await servers.stop();
  }, 90_000);

  it("many processes that block for the first time at once make one stream", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const log = new RecordingLog();
    const nodes = await Promise.all(Array.from({ length: 8 }, () => follower(server.url, { log })));
    await Promise.all(nodes.map(({ blocks }, index) => blocks.put(block(`u${index}`))));
    for (const { blocks } of nodes) {
      await blocks.refresh();
      expect(blocks.countOf("app")).toBe(8);
    }
    expect(log.count("block_stream_created")).toBeGreaterThan(0);
    await Promise.all(nodes.map((bus) => bus.close()));
  });

  it("a store that is full refuses at once and by name, and keeps what it has", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const bus = await follower(server.url, { blocks: { maxBytes: 2000 } });
    const stored: string[] = [];
    const fill = async () => {
      for (let index = 0; index < 100; index++) {
        await bus.blocks.put(block(`u${index}`));
        stored.push(`u${index}`);
      }
    };
    await expect(fill()).rejects.toThrow(BlockStoreFullError);
    await bus.blocks.refresh();
    expect(stored.length).toBeGreaterThan(2);
    for (const id of stored) expect(bus.blocks.find({ ...ANN, id })).not.toBeNull();
    await bus.close();
  });

  it("a full store with three copies › a block can be ended all the same, everywhere", async () => {
    await using cluster = await NatsCluster.start({ size: 3, jetStream: true });
    const options = { blocks: { replicas: 3, maxBytes: 2000 } };
    const [near, far] = [
      await follower(cluster.server(0).url, options),
      await follower(cluster.server(1).url, options),
    ];
    // With a long id, so that its end has no room where none of the others has.
    const id = "u".repeat(100);
    await near.blocks.put(block(id));
    const fill = async () => {
      for (let index = 0; index < 100; index++) await near.blocks.put(block(`${index}`));
    };
    await expect(fill()).rejects.toThrow(BlockStoreFullError);
    await far.blocks.refresh();
    expect(far.blocks.find({ ...ANN, id })).not.toBeNull();
    await expect(near.blocks.remove({ ...ANN, id })).resolves.toBeGreaterThan(0);
    await far.blocks.refresh();
    expect(far.blocks.find({ ...ANN, id })).toBeNull();
    await near.blocks.remove({ ...ANN, id: "0" });
    await Promise.all([near.close(), far.close()]);
  }, 60_000);

  it("a stream that was deleted and made anew is loaded anew, and its blocks end connections", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const [near, far] = [await follower(server.url), await follower(server.url)];
    for (const id of ["ann", "bob", "cat"]) await near.blocks.put(block(id));
    await far.blocks.refresh();
    const nats = await connect({ servers: server.url });
    await (await nats.jetstreamManager()).streams.delete("CARILLON_BLOCKS");
    const told: string[] = [];
    far.blocks.onBlocked((blocks) => told.push(...blocks.map(({ id }) => id)));
    await eventually(() => near.blocks.put(block("dan")));
    await far.blocks.refresh();
    expect(far.blocks.page("app", { after: "", limit: 10 }).blocks.map(({ id }) => id)).toEqual(["dan"]);
    expect(told).toEqual(["dan"]);
    await nats.close();
    await Promise.all([near.close(), far.close()]);
  });
});
