import { decodeEnvelope } from "@carillon/protocol";
import { eventually, NatsCluster, NatsServer } from "@carillon/testkit";
import type { RecordingReceiver } from "@carillon/testkit/contracts";
import { describe, expect, it } from "vitest";
import { connectNatsBus, type NatsBus } from "../src/index.ts";
import { RESTLESS } from "./support/auto-interest.ts";
import { connections, envelope, listen } from "./support/helpers.ts";
import { RecordingLog } from "./support/recording-log.ts";

const CHANNELS = 200;

function idsOf(receiver: RecordingReceiver): string[] {
  return receiver.envelopes.map((each) => decodeEnvelope(each)?.id ?? "unreadable");
}

/** Publishes numbered envelopes, one channel after the other, until told to stop; each is confirmed before the next. */
class Stream {
  readonly published: string[][] = Array.from({ length: CHANNELS }, () => []);
  #isStopped = false;
  #done: Promise<void>;

  constructor(publisher: NatsBus) {
    this.#done = this.#run(publisher);
  }

  get count(): number {
    return this.published.reduce((sum, ids) => sum + ids.length, 0);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }

  async #run(publisher: NatsBus): Promise<void> {
    for (let index = 0; !this.#isStopped; index++) {
      const channel = index % CHANNELS;
      const id = `${index}`;
      await publisher.publish({ appId: "app", channel: `channel-${channel}` }, envelope(id));
      this.published[channel]?.push(id);
    }
  }
}

describe("lame duck", () => {
  for (const [name, options] of [
    ["exact interest", { interest: "exact" }],
    ["partition interest", { interest: "partition" }],
    ["interest that changes all the time", { interest: "auto", autoInterest: RESTLESS }],
  ] as const) {
    it(`handover › with ${name} nothing is lost, doubled or reordered, and the old connection goes`, async () => {
      await using cluster = await NatsCluster.start({ size: 3 });
      const [leaving, elsewhere] = [cluster.server(0), cluster.server(2)];
      const log = new RecordingLog();
      const node = await connectNatsBus({ servers: [leaving.url], ...options, log, name: "moving" });
      const publisher = await connectNatsBus({ servers: [elsewhere.url] });
      const statuses: string[] = [];
      node.onStatus((status) => statuses.push(status));
      const names = Array.from({ length: CHANNELS }, (_, index) => `channel-${index}`);
      const receivers = await Promise.all(names.map((name) => listen(node, "app", name)));
      // Interest takes a moment to reach the publisher's server.
      await eventually(async () => {
        await publisher.publish({ appId: "app", channel: "channel-0" }, envelope("hello"));
        expect(receivers[0]?.envelopes.length).toBeGreaterThan(0);
      });
      const stream = new Stream(publisher);
      leaving.signal("SIGUSR2");
      await eventually(() => expect(log.count("nats_moved")).toBe(1));
      const late = await listen(node, "app", "late");
      const movedAt = stream.count;
      await eventually(() => expect(stream.count).toBeGreaterThan(movedAt + 500));
      await stream.stop();
      await eventually(() => {
        for (const [index, receiver] of receivers.entries()) {
          expect(idsOf(receiver).filter((id) => id !== "hello")).toEqual(stream.published[index]);
        }
      });
      await node.publish(late, envelope("own"));
      await eventually(() => expect(idsOf(late)).toEqual(["own"]));
      expect((await connections(leaving)).filter((each) => each.name === "moving")).toEqual([]);
      expect(statuses).toEqual([]);
      await Promise.all([node.close(), publisher.close()]);
    }, 60_000);
  }

  it("handover › what the leaving server no longer delivers comes from the new one, once and in order", async () => {
    await using cluster = await NatsCluster.start({ size: 3 });
    const [leaving, elsewhere] = [cluster.server(0), cluster.server(2)];
    const node = await connectNatsBus({ servers: [leaving.url], name: "moving" });
    const publisher = await connectNatsBus({ servers: [elsewhere.url] });
    const receiver = await listen(node, "app", "channel-0");
    await eventually(async () => {
      await publisher.publish(receiver, envelope("hello"));
      expect(receiver.envelopes.length).toBeGreaterThan(0);
    });
    leaving.signal("SIGUSR2");
    await eventually(async () => {
      const pages = await Promise.all(cluster.servers.slice(1).map(connections));
      const successor = pages.flat().find((each) => each.name === "moving");
      expect(successor?.subscriptions).toBe(1);
    });
    const wanted = Array.from({ length: 300 }, (_, index) => `${index}`);
    for (const id of wanted) {
      if (id === "100") await leaving.pause();
      await publisher.publish(receiver, envelope(id));
    }
    await eventually(() => expect(idsOf(receiver).filter((id) => id !== "hello")).toEqual(wanted));
    await Promise.all([node.close(), publisher.close()]);
  }, 60_000);

  it("publishing › goes on through the move of the publisher, in order and without a refusal", async () => {
    await using cluster = await NatsCluster.start({ size: 3 });
    const log = new RecordingLog();
    const publisher = await connectNatsBus({ servers: [cluster.server(0).url], log });
    const node = await connectNatsBus({ servers: [cluster.server(1).url] });
    const receiver = await listen(node, "app", "channel-0");
    await eventually(async () => {
      await publisher.publish(receiver, envelope("hello"));
      expect(receiver.envelopes.length).toBeGreaterThan(0);
    });
    const stream = new Stream(publisher);
    cluster.server(0).signal("SIGUSR2");
    await eventually(() => expect(log.count("nats_moved")).toBe(1));
    await stream.stop();
    await eventually(() => expect(idsOf(receiver).filter((id) => id !== "hello")).toEqual(stream.published[0]));
    await Promise.all([node.close(), publisher.close()]);
  }, 60_000);

  it("one server › there is nowhere to go: the node waits and comes back with the server", async () => {
    await using server = await NatsServer.start();
    const log = new RecordingLog();
    const bus = await connectNatsBus({ servers: [server.url], log });
    const receiver = await listen(bus, "app", "alone");
    server.signal("SIGUSR2");
    await eventually(() => expect(log.count("nats_lame_duck_no_other_server")).toBe(1));
    await bus.publish(receiver, envelope("still"));
    await eventually(() => expect(idsOf(receiver)).toEqual(["still"]));
    await server.kill();
    await server.restart();
    await eventually(() => expect(bus.status).toBe("connected"));
    await bus.publish(receiver, envelope("again"));
    await eventually(() => expect(idsOf(receiver)).toEqual(["still", "again"]));
    await bus.close();
  });
});
