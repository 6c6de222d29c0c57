import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HistoryUnavailableError } from "@carillon/core";
import { eventually, NatsCluster, NatsServer } from "@carillon/testkit";
import { StampedReceiver } from "@carillon/testkit/contracts";
import { connect } from "nats";
import { describe, expect, it } from "vitest";
import { connectNatsBus, type NatsBus } from "../src/index.ts";
import type { ApiAnswer } from "../src/jetstream-api.ts";
import { append, read, streams, texts } from "./support/history.ts";
import { RecordingLog } from "./support/recording-log.ts";

const ADDRESS = { appId: "app", channel: "c" };

/** A server whose store is in a folder that a test may put its hands on. */
async function serverWithStore() {
  const folder = await mkdtemp(join(tmpdir(), "carillon-store-"));
  const store = join(folder, "store");
  const server = await NatsServer.start({ config: { jetstream: { store_dir: store } } });
  const stop = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { server, store, copy: join(folder, "copy"), [Symbol.asyncDispose]: stop };
}

async function whenConnected(...nodes: readonly NatsBus[]): Promise<void> {
  await eventually(() => expect(nodes.map((node) => node.status)).toEqual(nodes.map(() => "connected")));
}

describe("history › outages", () => {
  it("restart › histories, epochs and keys outlive the server; meanwhile appends and reads are refused", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const bus = await connectNatsBus({ servers: [server.url] });
    const first = await append(bus, ADDRESS, "a");
    await server.kill();
    await eventually(() => expect(bus.status).toBe("disconnected"));
    expect(bus.history.isAvailable).toBe(false);
    await expect(append(bus, ADDRESS, "b")).rejects.toBeInstanceOf(HistoryUnavailableError);
    await expect(read(bus, ADDRESS)).rejects.toBeInstanceOf(HistoryUnavailableError);
    await server.restart();
    await whenConnected(bus);
    await expect(append(bus, ADDRESS, "a")).resolves.toEqual({ position: first.position, isDuplicate: true });
    expect(bus.history.isAvailable).toBe(true);
    await append(bus, ADDRESS, "c");
    const page = await read(bus, ADDRESS, { since: first.position });
    expect(page.isReachable).toBe(true);
    expect(await texts(bus, ADDRESS)).toEqual(["a", "c"]);
    await bus.close();
  });

  it("outage in between › an append that was begun is finished when the connection is back, and kept once", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const bus = await connectNatsBus({ servers: [server.url] });
    await append(bus, ADDRESS, "first");
    await server.pause();
    const appended = append(bus, ADDRESS, "second");
    await server.kill();
    await server.restart();
    await expect(appended).resolves.toMatchObject({ isDuplicate: false });
    expect(await texts(bus, ADDRESS)).toEqual(["first", "second"]);
    await bus.close();
  });

  it("SIGSTOP › appends with a full pipe are finished over another server, though nothing else is published", async () => {
    await using cluster = await NatsCluster.start({ size: 3, jetStream: true });
    const frozen = cluster.server(0);
    const history = { replicas: 3, deadlineMs: 50_000 } as const;
    const bus = await connectNatsBus({ servers: [frozen.url], history });
    await append(bus, ADDRESS, "first");
    await frozen.pause();
    // More than the kernel buffers, with each try: the client then waits for a write that never ends.
    const text = "x".repeat(512 * 1024);
    const appended = Array.from({ length: 16 }, (_, index) =>
      append(bus, { appId: "app", channel: `bulk-${index}` }, text, `${index}`),
    );
    const results = await Promise.allSettled(appended);
    expect(results.map(({ status }) => status)).toEqual(results.map(() => "fulfilled"));
    frozen.resume();
    await bus.close();
  }, 90_000);

  it("wiped store › the epoch changes, and no position of before is reachable", async () => {
    await using place = await serverWithStore();
    const { server, store } = place;
    const [bus, other] = [
      await connectNatsBus({ servers: [server.url] }),
      await connectNatsBus({ servers: [server.url] }),
    ];
    const before = await append(bus, ADDRESS, "a");
    expect((await read(other, ADDRESS)).head).toEqual(before.position);
    await server.kill();
    await rm(store, { recursive: true });
    await server.restart();
    await whenConnected(bus, other);
    const empty = await read(other, ADDRESS, { since: before.position });
    expect(empty).toMatchObject({ publications: [], isReachable: false, head: { emptyAtMs: expect.any(Number) } });
    expect(empty.head.epoch).not.toBe(before.position.epoch);
    // The same offset again, for something else.
    const after = await append(bus, ADDRESS, "b");
    expect(after.position).toEqual({ epoch: empty.head.epoch, offset: before.position.offset });
    expect((await read(bus, ADDRESS, { since: before.position })).isReachable).toBe(false);
    await Promise.all([bus.close(), other.close()]);
  });

  it("deleted stream › is made anew with another epoch, without any outage", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const [bus, reader] = [
      await connectNatsBus({ servers: [server.url], history: { streams: 1 } }),
      await connectNatsBus({ servers: [server.url], history: { streams: 1 } }),
    ];
    const before = [await append(bus, ADDRESS, "a"), await append(bus, ADDRESS, "b")];
    await read(reader, ADDRESS);
    const client = await connect({ servers: [server.url] });
    await (await client.jetstreamManager()).streams.delete("CARILLON_HIST_0");
    const after = await append(bus, ADDRESS, "c");
    expect(after.position.epoch).not.toBe(before[1]?.position.epoch);
    const page = await read(reader, ADDRESS, { since: before[0]?.position ?? null });
    expect(page).toMatchObject({ isReachable: false, head: after.position });
    await Promise.all([bus.close(), reader.close(), client.close()]);
  });

  it("store set back › a stream that lost its newest part begins a new epoch, though its marker is there", async () => {
    await using place = await serverWithStore();
    const { server, store, copy } = place;
    const log = new RecordingLog();
    const bus = await connectNatsBus({ servers: [server.url], log });
    await append(bus, ADDRESS, "a");
    await server.kill();
    await cp(store, copy, { recursive: true });
    await server.restart();
    await whenConnected(bus);
    const lost = await append(bus, ADDRESS, "b");
    await server.kill();
    await rm(store, { recursive: true });
    await cp(copy, store, { recursive: true });
    await server.restart();
    await whenConnected(bus);
    const after = await append(bus, ADDRESS, "c");
    expect(after.position.epoch).not.toBe(lost.position.epoch);
    expect(log.count("history_stream_cut_short")).toBe(1);
    expect(await texts(bus, ADDRESS)).toEqual(["a", "c"]);
    expect((await read(bus, ADDRESS, { since: lost.position })).isReachable).toBe(false);
    await bus.close();
  });

  it("gap › what a cut-off node missed shows in the next stamp, and a read fills it", async () => {
    await using cluster = await NatsCluster.start({ size: 3, jetStream: true });
    const history = { replicas: 3 } as const;
    const node = await connectNatsBus({ servers: [cluster.server(0).url], history });
    const publisher = await connectNatsBus({ servers: [cluster.server(1).url], history });
    const receiver = new StampedReceiver(ADDRESS);
    await node.subscribe(receiver);
    const first = await eventually(async () => {
      const { position } = await append(publisher, ADDRESS, `first-${receiver.texts.length}-${performance.now()}`);
      expect(receiver.texts).not.toEqual([]);
      return position;
    });
    node.unsubscribe(receiver);
    const { position: missed } = await append(publisher, ADDRESS, "missed");
    await node.subscribe(receiver);
    const heard = receiver.texts.length;
    const next = await eventually(async () => {
      const { position } = await append(publisher, ADDRESS, `next-${performance.now()}`);
      expect(receiver.texts.length).toBeGreaterThan(heard);
      return position;
    });
    const stamp = receiver.stamps[heard];
    expect(stamp?.previousOffset).toBeGreaterThanOrEqual(missed.offset);
    expect(stamp?.offset).toBeLessThanOrEqual(next.offset);
    const page = await read(node, ADDRESS, { since: first });
    expect(page.isReachable).toBe(true);
    expect(page.publications[0]?.offset).toBe(missed.offset);
    await Promise.all([node.close(), publisher.close()]);
  }, 60_000);

  it("leader loss › each append is acknowledged and kept once, or refused, in the order of the calls", async () => {
    await using cluster = await NatsCluster.start({ size: 3, jetStream: true });
    const history = { replicas: 3, streams: 1, maxMessagesPerChannel: 1000, deadlineMs: 30_000 } as const;
    const first = await connectNatsBus({ servers: [cluster.server(0).url], history });
    await append(first, { ...ADDRESS, channel: "warm-up" }, "x");
    const leader = (await streams(cluster.server(0))).get("CARILLON_HIST_0")?.cluster?.leader;
    await first.close();
    const leading = Number(leader?.slice(1)) - 1;
    const bus = await connectNatsBus({ servers: [cluster.server((leading + 1) % 3).url], history });
    const acknowledged: number[][] = [[], []];
    const offsets: number[][] = [[], []];
    let isStopped = false;
    const channels = [ADDRESS, { ...ADDRESS, channel: "d" }];
    const appending = channels.map(async (address, channel) => {
      for (let index = 0; !isStopped; index++) {
        const { position } = await append(bus, address, `${index}`);
        acknowledged[channel]?.push(index);
        offsets[channel]?.push(position.offset);
      }
    });
    const whenAcknowledged = (count: number) =>
      eventually(() => expect(acknowledged[0]?.length).toBeGreaterThan(count), { timeoutMs: 40_000 });
    await whenAcknowledged(20);
    await cluster.server(leading).kill();
    await whenAcknowledged((acknowledged[0]?.length ?? 0) + 20);
    isStopped = true;
    await Promise.all(appending);
    for (const [channel, address] of channels.entries()) {
      expect((await texts(bus, address)).map(Number)).toEqual(acknowledged[channel]);
      const page = await read(bus, address);
      expect(page.publications.map(({ offset }) => offset)).toEqual(offsets[channel]);
    }
    await bus.close();
  }, 90_000);

  it("another leader › puts in doubt whether everything arrived, though the connection stands and no server went", async () => {
    await using cluster = await NatsCluster.start({ size: 3, jetStream: true });
    const bus = await connectNatsBus({ servers: [cluster.server(0).url], history: { replicas: 3, streams: 1 } });
    await append(bus, ADDRESS, "a");
    await cluster.lead("CARILLON_HIST_0", 1);
    const doubts: number[] = [];
    bus.onDoubt((lossMs) => doubts.push(lossMs));
    let next = 2;
    await eventually(
      async () => {
        await cluster.lead("CARILLON_HIST_0", next);
        next = next === 2 ? 1 : 2;
        expect(doubts[0]).toBeGreaterThan(0);
      },
      { timeoutMs: 60_000, intervalMs: 1_000 },
    );
    expect(bus.counters.disconnects).toBe(0);
    await bus.close();
  }, 120_000);

  it("majority loss › the copy that is left has not the last word on how far its stream goes", async () => {
    await using cluster = await NatsCluster.start({ size: 3, jetStream: true });
    const history = { replicas: 3, streams: 1 } as const;
    const bus = await connectNatsBus({ servers: [cluster.server(0).url], history });
    await append(bus, ADDRESS, "a");
    await bus.history.heads([ADDRESS]);
    const client = await connect({ servers: cluster.server(0).url });
    const seen = async () => {
      const answer = await client.request("$JS.API.STREAM.INFO.CARILLON_HIST_0", undefined, { timeout: 2_000 });
      return answer.json<ApiAnswer>().cluster;
    };
    await cluster.lead("CARILLON_HIST_0", 1);
    await cluster.server(1).kill();
    // Of a server that died before its time, the next leader knows no moment at which it heard of it.
    await eventually(async () => expect((await seen())?.leader).toMatch(/n1|n3/), { timeoutMs: 40_000 });
    await cluster.server(2).kill();
    await eventually(
      async () => {
        const others = (await seen())?.replicas?.filter(({ name }) => name !== "n1") ?? [];
        expect(others).toHaveLength(2);
        for (const { active = 0 } of others) expect(active > 0 && active < 3_000_000_000).toBe(false);
      },
      { timeoutMs: 40_000 },
    );
    await expect(bus.history.heads([ADDRESS])).rejects.toBeInstanceOf(HistoryUnavailableError);
    await client.close();
    await bus.close();
  }, 120_000);
});
