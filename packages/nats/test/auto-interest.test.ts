import { eventually, NatsServer } from "@carillon/testkit";
import { RecordingReceiver } from "@carillon/testkit/contracts";
import { describe, expect, it } from "vitest";
import type { AutoInterestSettings } from "../src/auto-interest.ts";
import { connectNatsBus, type NatsBus } from "../src/index.ts";
import { bytes, connectionNamed, listen } from "./support/helpers.ts";
import { channelsIn } from "./support/partitions.ts";
import { RecordingLog } from "./support/recording-log.ts";

const FEW: Partial<AutoInterestSettings> = { enterChannels: 4, leaveChannels: 2, settleMs: 20, windowMs: 50 };

function connect(server: NatsServer, autoInterest: Partial<AutoInterestSettings> = FEW): Promise<NatsBus> {
  return connectNatsBus({ servers: [server.url], interest: "auto", autoInterest, name: "node" });
}

async function subjectsOf(server: NatsServer): Promise<readonly string[]> {
  return (await connectionNamed(server, "node")).subscriptions_list ?? [];
}

/** A receiver for each channel; their interest stands. */
function listenAll(bus: NatsBus, channels: readonly string[]): Promise<RecordingReceiver[]> {
  return Promise.all(channels.map((channel) => listen(bus, "app", channel)));
}

async function assertAllHear(bus: NatsBus, receivers: readonly RecordingReceiver[], text: string): Promise<void> {
  await Promise.all(receivers.map((receiver) => bus.publish(receiver, bytes(text))));
  await eventually(() => expect(receivers.map((each) => each.texts.at(-1))).toEqual(receivers.map(() => text)));
}

describe("AutoInterest", () => {
  it("memory › many channels of a partition are one subscription, few are one each", async () => {
    await using server = await NatsServer.start();
    const node = await connect(server);
    const channels = channelsIn(2, 40, "user");
    const many = await listenAll(node, channels.slice(0, 40));
    const few = await listenAll(node, channels.slice(40, 42));
    await eventually(async () => {
      const subjects = await subjectsOf(server);
      expect(subjects.filter((subject) => subject.endsWith("*"))).toEqual(["carillon.pub.*.00.*"]);
      expect(subjects.filter((subject) => !subject.endsWith("*"))).toHaveLength(2);
    });
    await assertAllHear(node, [...many, ...few], "to each");
    expect([node.wildcards, node.counters.interestChanges]).toEqual([1, 1]);
    // Back again with the last but one, and the one who stays goes on hearing.
    for (const receiver of many.slice(1)) node.unsubscribe(receiver);
    await eventually(async () => {
      const subjects = await subjectsOf(server);
      expect(subjects.filter((subject) => !subject.endsWith("*"))).toHaveLength(3);
      expect(subjects).toHaveLength(3);
    });
    await assertAllHear(node, [...many.slice(0, 1), ...few], "again");
    expect([node.wildcards, node.counters.interestChanges]).toEqual([0, 2]);
    await node.close();
  });

  it("storm › thousands of channels in one turn are one change for each partition, and what comes after it needs no other", async () => {
    await using server = await NatsServer.start();
    const node = await connectNatsBus({
      servers: [server.url],
      interest: "auto",
      autoInterest: { settleMs: 20 },
      name: "node",
    });
    const channels = Array.from({ length: 10_000 }, (_, index) => `user-${index}`);
    const receivers = await listenAll(node, channels);
    expect([node.wildcards, node.counters.interestChanges]).toEqual([256, 256]);
    await eventually(async () => expect((await connectionNamed(server, "node")).subscriptions).toBe(256));
    await assertAllHear(node, receivers, "to each");
    expect(node.counters.interestChanges).toBe(256);
    await node.close();
  });

  it("unwanted › a busy channel of others sends the partition back, and it rests before it tries again", async () => {
    await using server = await NatsServer.start();
    const node = await connect(server, { ...FEW, restMs: 3_600_000 });
    const [foreign = "", ...channels] = channelsIn(1, 21, "user");
    const receivers = await listenAll(node, channels);
    await eventually(async () => expect(await subjectsOf(server)).toEqual(["carillon.pub.*.00.*"]));
    await eventually(async () => {
      await Promise.all(
        Array.from({ length: 100 }, () => node.publish({ appId: "app", channel: foreign }, bytes("x"))),
      );
      expect(node.wildcards).toBe(0);
    });
    expect(node.counters.unwanted).toBeGreaterThan(0);
    const { unwanted } = node.counters;
    await node.publish({ appId: "app", channel: foreign }, bytes("x"));
    await assertAllHear(node, receivers, "to each");
    expect(node.counters.unwanted).toBe(unwanted);
    const [late] = await listenAll(node, ["late"]);
    await assertAllHear(node, [...receivers, ...(late === undefined ? [] : [late])], "rested");
    expect([node.wildcards, node.counters.interestChanges]).toEqual([0, 2]);
    await node.close();
  });

  it("permissions › where NATS permits no wildcard, every channel stands nonetheless, and it is asked for once", async () => {
    const user = {
      user: "node",
      password: "secret",
      permissions: { publish: ">", subscribe: ["carillon.pub.app.>", "_INBOX.>"] },
    };
    await using server = await NatsServer.start({ config: { authorization: { users: [user] } } });
    const log = new RecordingLog();
    const auth = { kind: "user", user: "node", password: "secret" } as const;
    const node = await connectNatsBus({
      servers: [server.url],
      interest: "auto",
      autoInterest: FEW,
      auth,
      log,
      name: "node",
    });
    const [first, second] = [channelsIn(2, 20, "user"), channelsIn(2, 20, "visitor")];
    // Each publishes as soon as its subscribe has resolved: its interest stands, the refusal in between notwithstanding.
    const receivers = await Promise.all(
      first.map(async (channel) => {
        const receiver = await listen(node, "app", channel);
        await node.publish(receiver, bytes("at once"));
        return receiver;
      }),
    );
    await eventually(() => expect(receivers.map(({ texts }) => texts)).toEqual(first.map(() => ["at once"])));
    expect(node.wildcards).toBe(0);
    const { interestChanges } = node.counters;
    await assertAllHear(node, [...receivers, ...(await listenAll(node, second))], "later");
    expect(node.counters.interestChanges).toBe(interestChanges);
    expect(node.counters.refusals).toBe(0);
    expect(log.count("nats_wildcards_not_permitted")).toBe(1);
    // What is forbidden itself is refused as ever.
    await expect(node.subscribe(new RecordingReceiver("forbidden", "c"))).rejects.toThrow(/does not permit this node/);
    expect(node.counters.refusals).toBe(1);
    await node.close();
  });

  it("reconnect › what changes while the server is away has changed when it is back", async () => {
    await using server = await NatsServer.start();
    const node = await connect(server);
    const channels = channelsIn(1, 20, "user");
    const receivers = await listenAll(node, channels.slice(0, 3));
    await server.kill();
    await eventually(() => expect(node.status).toBe("disconnected"));
    const late = channels.slice(3).map((channel) => new RecordingReceiver("app", channel));
    const standing = Promise.all(late.map((receiver) => node.subscribe(receiver)));
    await server.restart();
    await standing;
    await eventually(async () => expect(await subjectsOf(server)).toEqual(["carillon.pub.*.00.*"]));
    await assertAllHear(node, [...receivers, ...late], "back");
    for (const receiver of [...receivers, ...late]) expect(receiver.texts).toEqual(["back"]);
    await node.close();
  });
});
