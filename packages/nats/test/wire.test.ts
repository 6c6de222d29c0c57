import { BusUnavailableError, EnvelopeTooLargeError } from "@carillon/core";
import { eventually, NatsServer } from "@carillon/testkit";
import { RecordingReceiver } from "@carillon/testkit/contracts";
import { describe, expect, it } from "vitest";
import { connectNatsBus, partitionOf } from "../src/index.ts";
import { bytes, connectionNamed, listen } from "./support/helpers.ts";
import { RecordingLog } from "./support/recording-log.ts";

/** A channel name in the same partition as `channel`. */
function neighbourOf(channel: string): string {
  const partition = partitionOf("app", channel);
  for (let index = 0; ; index++) {
    const name = `neighbour-${index}`;
    if (partitionOf("app", name) === partition) return name;
  }
}

describe("isolation", () => {
  it("exact › NATS sends a node without interest nothing, and one with interest only what it wants", async () => {
    await using server = await NatsServer.start();
    const servers = [server.url];
    const [publisher, interested, idle] = await Promise.all(
      ["publisher", "interested", "idle"].map((name) => connectNatsBus({ servers, name })),
    );
    if (publisher === undefined || interested === undefined || idle === undefined) throw new Error("unreachable");
    const receiver = await listen(interested, "app", "wanted");
    await listen(idle, "app", "quiet");
    const neighbour = neighbourOf("wanted");
    for (let index = 0; index < 100; index++) {
      await publisher.publish({ appId: "app", channel: "wanted" }, bytes(`${index}`));
      await publisher.publish({ appId: "app", channel: neighbour }, bytes(`${index}`));
    }
    await eventually(() => expect(receiver.envelopes).toHaveLength(100));
    expect((await connectionNamed(server, "publisher")).in_msgs).toBe(200);
    expect((await connectionNamed(server, "interested")).out_msgs).toBe(100);
    expect((await connectionNamed(server, "idle")).out_msgs).toBe(0);
    await Promise.all([publisher.close(), interested.close(), idle.close()]);
  });

  it("partition › foreign channels of a partition are dropped early, and partitions not in use are not sent", async () => {
    await using server = await NatsServer.start();
    const node = await connectNatsBus({ servers: [server.url], name: "node", interest: "partition" });
    const publisher = await connectNatsBus({ servers: [server.url] });
    const first = await listen(node, "app", "wanted");
    const neighbour = neighbourOf("wanted");
    const other = Array.from({ length: 50 }, (_, index) => `other-${index}`).find(
      (name) => partitionOf("app", name) !== partitionOf("app", "wanted"),
    ) as string;
    await publisher.publish({ appId: "app", channel: neighbour }, bytes("foreign"));
    await publisher.publish({ appId: "app", channel: other }, bytes("elsewhere"));
    await publisher.publish(first, bytes("mine"));
    await eventually(() => expect(first.texts).toEqual(["mine"]));
    expect((await connectionNamed(server, "node")).out_msgs).toBe(2);
    // One subscription for both channels, gone with the last of them.
    const second = await listen(node, "app", neighbour);
    const wildcard = `carillon.pub.*.${partitionOf("app", "wanted")}.*`;
    expect((await connectionNamed(server, "node")).subscriptions_list).toEqual([wildcard]);
    node.unsubscribe(first);
    await publisher.publish(second, bytes("still"));
    await eventually(() => expect(second.texts).toEqual(["still"]));
    node.unsubscribe(second);
    await eventually(async () => expect((await connectionNamed(server, "node")).subscriptions).toBe(0));
    await Promise.all([node.close(), publisher.close()]);
  });

  it("prefix › deployments with different prefixes don't hear each other", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const [one, two] = [
      await connectNatsBus({ servers: [server.url], prefix: "one" }),
      await connectNatsBus({ servers: [server.url], prefix: "two" }),
    ];
    const [first, second] = [await listen(one, "app", "same"), await listen(two, "app", "same")];
    await one.publish(first, bytes("of one"), { idempotencyKey: "k" });
    await expect(two.publish(second, bytes("of two"), { idempotencyKey: "k" })).resolves.toEqual({
      isDuplicate: false,
    });
    await eventually(() => expect([first.texts, second.texts]).toEqual([["of one"], ["of two"]]));
    await Promise.all([one.close(), two.close()]);
  });
});

describe("wire", () => {
  it("hostile names › stay one subscription each on one connection that is never cut", async () => {
    await using server = await NatsServer.start();
    const bus = await connectNatsBus({ servers: [server.url], name: "node" });
    const { cid } = await connectionNamed(server, "node");
    const names = [
      "x\r\nPUB injected 0\r\n\r\n",
      "a b",
      "a\tq",
      ">",
      "*",
      "..",
      "",
      "$SYS.REQ",
      "あ".repeat(200),
      "\ud800",
    ];
    const receivers = await Promise.all(names.map((name) => listen(bus, "a\r\nb c", name)));
    for (const receiver of receivers) await bus.publish(receiver, bytes(receiver.channel));
    await eventually(() => expect(receivers.map((receiver) => receiver.envelopes.length)).toEqual(names.map(() => 1)));
    const connection = await connectionNamed(server, "node");
    expect(connection).toMatchObject({
      cid,
      subscriptions: names.length,
      in_msgs: names.length,
      out_msgs: names.length,
    });
    for (const subject of connection.subscriptions_list ?? []) expect(subject).toMatch(/^carillon\.pub\.[\x21-\x7e]+$/);
    expect(bus.counters.disconnects).toBe(0);
    await bus.close();
  });

  it("too long › names over the control line are refused before the wire", async () => {
    await using server = await NatsServer.start();
    const bus = await connectNatsBus({ servers: [server.url] });
    const address = new RecordingReceiver("app", "あ".repeat(2_000));
    await expect(bus.subscribe(address)).rejects.toThrow(/use shorter names/);
    await expect(bus.publish(address, bytes("x"))).rejects.toThrow(/use shorter names/);
    bus.unsubscribe(address);
    const receiver = await listen(bus, "app", "fine");
    await bus.publish(receiver, bytes("x"));
    expect(bus.counters.disconnects).toBe(0);
    await bus.close();
  });

  it("max_payload › a larger envelope is refused with a clear error and the connection lives", async () => {
    await using server = await NatsServer.start({ jetStream: true, config: { max_payload: 4_096 } });
    const bus = await connectNatsBus({ servers: [server.url] });
    const receiver = await listen(bus, "app", "big");
    const tooLarge = /has 4097 bytes, NATS takes 4096: publish less, or raise max_payload/;
    await expect(bus.publish(receiver, new Uint8Array(4_097))).rejects.toThrow(tooLarge);
    await expect(bus.publish(receiver, new Uint8Array(4_096), { idempotencyKey: "k" })).rejects.toThrow(
      /raise max_payload/,
    );
    const kept = bus.history.append(receiver, new Uint8Array(4_096), {
      limits: { messages: 10, maxAgeMs: 60_000 },
      idempotencyKey: "h",
    });
    await expect(kept).rejects.toBeInstanceOf(EnvelopeTooLargeError);
    await bus.publish(receiver, new Uint8Array(4_096));
    await bus.publish(receiver, new Uint8Array(3_840), { idempotencyKey: "k" });
    await eventually(() => expect(receiver.envelopes.map((each) => each.length)).toEqual([4_096, 3_840]));
    expect(bus.counters.disconnects).toBe(0);
    await bus.close();
  });

  it("a receiver that throws › disturbs neither the next envelope nor the other channels", async () => {
    await using server = await NatsServer.start();
    const log = new RecordingLog();
    const bus = await connectNatsBus({ servers: [server.url], log });
    const broken = {
      appId: "app",
      channel: "broken",
      receive: () => {
        throw new Error("a receiver must not throw");
      },
    };
    await bus.subscribe(broken);
    const fine = await listen(bus, "app", "fine");
    for (const receiver of [broken, fine, broken, fine]) await bus.publish(receiver, bytes("x"));
    await eventually(() => expect(fine.envelopes).toHaveLength(2));
    expect(log.count("bus_receiver_failed")).toBe(2);
    await bus.close();
  });
});

describe("permissions", () => {
  const config = (permissions: Record<string, unknown>) => ({
    authorization: { users: [{ user: "node", password: "pw", permissions }] },
  });
  const auth = { kind: "user", user: "node", password: "pw" } as const;

  it("publish › one that NATS forbids is refused and logged as an error, never answered as taken", async () => {
    await using server = await NatsServer.start({
      config: config({ publish: "carillon.pub.allowed.>", subscribe: ">" }),
    });
    const log = new RecordingLog();
    const bus = await connectNatsBus({ servers: [server.url], auth, log });
    const allowed = await listen(bus, "allowed", "c");
    for (let round = 0; round < 20; round++) {
      const refused = bus.publish({ appId: "forbidden", channel: "c" }, bytes("x"));
      await expect(refused).rejects.toThrow(/does not permit this node to publish on carillon\.pub\.forbidden\./);
    }
    await bus.publish(allowed, bytes("fine"));
    await eventually(() => expect(allowed.texts).toEqual(["fine"]));
    expect(log.entries.filter((entry) => entry.level === "error")).toMatchObject([
      { event: "nats_permission_denied", fields: { operation: "publish" } },
    ]);
    expect(bus.counters.refusals).toBe(20);
    await bus.close();
  });

  for (const interest of ["exact", "partition"] as const) {
    it(`subscribe › with ${interest} interest one that NATS forbids is rejected, and leaves nothing behind`, async () => {
      const allowed =
        interest === "exact" ? "carillon.pub.allowed.>" : `carillon.pub.*.${partitionOf("allowed", "c")}.*`;
      await using server = await NatsServer.start({ config: config({ publish: ">", subscribe: allowed }) });
      const log = new RecordingLog();
      const bus = await connectNatsBus({ servers: [server.url], auth, log, interest, name: "node" });
      const fine = await listen(bus, "allowed", "c");
      const refused = new RecordingReceiver("forbidden", "c");
      await expect(bus.subscribe(refused)).rejects.toThrow(BusUnavailableError);
      await expect(bus.subscribe(refused)).rejects.toThrow(/does not permit this node to subscribe/);
      expect(log.entries).toContainEqual({
        level: "error",
        event: "nats_permission_denied",
        fields: { operation: "subscription", subject: expect.stringContaining("carillon.pub."), suppressed: 0 },
      });
      expect((await connectionNamed(server, "node")).subscriptions).toBe(1);
      await bus.publish(fine, bytes("fine"));
      await eventually(() => expect(fine.texts).toEqual(["fine"]));
      await bus.close();
    });
  }
});
