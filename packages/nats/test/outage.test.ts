import { BusUnavailableError } from "@carillon/core";
import { eventually, NatsCluster, NatsServer } from "@carillon/testkit";
import { RecordingReceiver } from "@carillon/testkit/contracts";
import { describe, expect, it } from "vitest";
import { connectNatsBus, type NatsBus } from "../src/index.ts";
import { CONFIRM_TIMEOUT_MS } from "../src/outbox.ts";
import { bytes, connectionNamed, listen } from "./support/helpers.ts";
import { RecordingLog } from "./support/recording-log.ts";

async function statusIs(bus: NatsBus, status: string): Promise<void> {
  await eventually(() => expect(bus.status).toBe(status), { timeoutMs: 15_000 });
}

describe("outage", () => {
  it("kill -9 › 1,000 subscriptions come back; nothing published while disconnected is taken or delivered", async () => {
    await using server = await NatsServer.start();
    const log = new RecordingLog();
    const [publisher, node] = await Promise.all([
      connectNatsBus({ servers: [server.url], log }),
      connectNatsBus({ servers: [server.url] }),
    ]);
    const names = Array.from({ length: 1_000 }, (_, index) => `user-${index}`);
    const receivers = await Promise.all(names.map((name) => listen(node, "app", name)));
    await server.kill();
    await statusIs(publisher, "disconnected");
    const lost = await Promise.allSettled(receivers.map((receiver) => publisher.publish(receiver, bytes("lost"))));
    expect(lost.filter((result) => result.status === "fulfilled")).toEqual([]);
    await server.restart();
    await Promise.all([statusIs(publisher, "connected"), statusIs(node, "connected")]);
    await Promise.all(receivers.map((receiver) => publisher.publish(receiver, bytes("back"))));
    await eventually(() =>
      expect(new Set(receivers.map((receiver) => receiver.texts.join()))).toEqual(new Set(["back"])),
    );
    expect(publisher.counters.disconnects).toBe(1);
    expect([log.count("nats_disconnected"), log.count("nats_connected")]).toEqual([1, 1]);
    await Promise.all([publisher.close(), node.close()]);
  });

  it("kill -9 › a publish under way never resolves unless the server had read it", async () => {
    await using server = await NatsServer.start();
    const bus = await connectNatsBus({ servers: [server.url] });
    const receiver = await listen(bus, "app", "stream");
    const taken: string[] = [];
    let isStopped = false;
    const publishing = (async () => {
      for (let index = 0; !isStopped; index++) {
        const published = bus.publish(receiver, bytes(`${index}`));
        await published.then(() => taken.push(`${index}`)).catch(() => new Promise((resolve) => setImmediate(resolve)));
      }
    })();
    for (let round = 0; round < 5; round++) {
      const before = taken.length;
      await eventually(() => expect(taken.length).toBeGreaterThan(before + 100));
      await server.kill();
      await statusIs(bus, "disconnected");
      await server.restart();
      await statusIs(bus, "connected");
    }
    isStopped = true;
    await publishing;
    const received = new Set(receiver.texts);
    // What this node hears of its own publishes comes on the connection that confirms them, so before the confirmation.
    expect(taken.filter((text) => !received.has(text))).toEqual([]);
    expect(receiver.texts).toHaveLength(received.size);
    await bus.close();
  });

  it("SIGSTOP › publishes and subscribes are refused at their deadline, and all is well once the server goes on", async () => {
    await using server = await NatsServer.start();
    const bus = await connectNatsBus({ servers: [server.url] });
    const receiver = await listen(bus, "app", "frozen");
    await server.pause();
    const late = new RecordingReceiver("app", "late");
    const results = await Promise.allSettled([bus.publish(receiver, bytes("lost")), bus.subscribe(late)]);
    for (const result of results)
      expect(result).toMatchObject({ status: "rejected", reason: { code: "bus_unavailable" } });
    await statusIs(bus, "disconnected");
    await expect(bus.publish(receiver, bytes("lost"))).rejects.toBeInstanceOf(BusUnavailableError);
    server.resume();
    await statusIs(bus, "connected");
    await bus.publish(late, bytes("nobody"));
    await bus.publish(receiver, bytes("back"));
    await eventually(() => expect(receiver.texts).toContain("back"));
    expect(late.texts).toEqual([]);
    await bus.close();
  });

  it("SIGSTOP › a node with a full pipe moves to another server instead of waiting for the frozen one", async () => {
    await using cluster = await NatsCluster.start({ size: 2 });
    const frozen = cluster.server(0);
    const bus = await connectNatsBus({ servers: [frozen.url] });
    const other = await connectNatsBus({ servers: [cluster.server(1).url] });
    const receiver = await listen(bus, "app", "moves");
    await frozen.pause();
    // More than the kernel buffers: the client library then waits for a write that never ends.
    const block = new Uint8Array(512 * 1024);
    const blocks = Array.from({ length: 60 }, () => bus.publish({ appId: "app", channel: "bulk" }, block));
    const results = await Promise.allSettled(blocks);
    expect(results.filter((result) => result.status === "fulfilled")).toEqual([]);
    await statusIs(bus, "connected");
    await eventually(async () => {
      await other.publish(receiver, bytes("found"));
      expect(receiver.texts).toContain("found");
    });
    await Promise.all([bus.close(), other.close()]);
    frozen.resume();
  }, 40_000);

  it("stalled process › one that stood still for longer than the deadline finds its confirmations, not an outage", async () => {
    await using server = await NatsServer.start();
    const bus = await connectNatsBus({ servers: [server.url] });
    const receiver = await listen(bus, "app", "stall");
    const published = bus.publish(receiver, bytes("before"));
    // The publish has to be on its way when everything stops.
    await new Promise((resolve) => setImmediate(resolve));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, CONFIRM_TIMEOUT_MS + 1_000);
    await expect(published).resolves.toEqual({ isDuplicate: false });
    await eventually(() => expect(receiver.texts).toEqual(["before"]));
    expect(bus.counters.disconnects).toBe(0);
    await bus.close();
  });

  it("subscribe › while disconnected it waits up to its deadline, then holds no interest", async () => {
    await using server = await NatsServer.start();
    const bus = await connectNatsBus({ servers: [server.url], name: "waits", subscribeTimeoutMs: 300 });
    const kept = await listen(bus, "app", "kept");
    await server.kill();
    await statusIs(bus, "disconnected");
    const late = new RecordingReceiver("app", "late");
    await expect(bus.subscribe(late)).rejects.toThrow(/did not take the subscription within 300 ms/);
    await server.restart();
    await statusIs(bus, "connected");
    expect((await connectionNamed(server, "waits")).subscriptions).toBe(1);
    await bus.publish(kept, bytes("back"));
    await eventually(() => expect(kept.texts).toEqual(["back"]));
    await bus.close();
  });

  it("close › also works while the server is frozen, or gone", async () => {
    await using server = await NatsServer.start();
    const [first, second] = [
      await connectNatsBus({ servers: [server.url] }),
      await connectNatsBus({ servers: [server.url] }),
    ];
    await server.pause();
    await first.close();
    await server.kill();
    await second.close();
    expect([first.status, second.status]).toEqual(["closed", "closed"]);
  });
});
