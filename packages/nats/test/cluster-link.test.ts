import { eventually, NatsCluster, NatsServer } from "@carillon/testkit";
import { describeClusterLink } from "@carillon/testkit/contracts";
import { connect } from "nats";
import { describe, expect, it } from "vitest";
import { connectNatsBus, type NatsBus } from "../src/index.ts";
import { RecordingLog } from "./support/recording-log.ts";

describeClusterLink("NatsClusterLink", async () => {
  const server = await NatsServer.start();
  const buses: NatsBus[] = [];
  return {
    createLink: async () => {
      const bus = await connectNatsBus({ servers: [server.url] });
      buses.push(bus);
      return bus.clusterLink;
    },
    close: async () => {
      await Promise.all(buses.map((bus) => bus.close()));
      await server.stop();
    },
  };
});

describe("NatsClusterLink", () => {
  it("drops what is no message of a link", async () => {
    await using server = await NatsServer.start();
    const bus = await connectNatsBus({ servers: [server.url] });
    const heard: string[] = [];
    await bus.clusterLink.open("a", (message) => heard.push(Buffer.from(message).toString()));
    const stranger = await connect({ servers: server.url });
    for (const bytes of [[], [200, 1, 2], [1, 97, 0, 0, 0, 0, 0, 0, 0], [255]]) {
      stranger.publish("carillon.ctl.all", new Uint8Array(bytes));
      stranger.publish("carillon.ctl.node.a", new Uint8Array(bytes));
    }
    await stranger.flush();
    bus.clusterLink.send("a", Buffer.from("mine"));
    await eventually(() => expect(heard).toEqual(["mine"]));
    await stranger.close();
    await bus.close();
  });

  it("a broadcast that got lost on its way puts in doubt whatever else was on it", async () => {
    await using server = await NatsServer.start();
    const bus = await connectNatsBus({ servers: [server.url] });
    let doubts = 0;
    const stop = bus.onDoubt(() => doubts++);
    const heard: string[] = [];
    await bus.clusterLink.open("a", (message) => heard.push(Buffer.from(message).toString()));
    const sender = await connect({ servers: server.url });
    const send = async (subject: string, number: number) => {
      const head = Buffer.from([1, "b".charCodeAt(0), ...Array(8).fill(0)]);
      head.writeDoubleBE(number, 2);
      sender.publish(subject, Buffer.concat([head, Buffer.from(`${number}`)]));
      await eventually(() => expect(heard.at(-1)).toBe(`${number}`));
      return doubts;
    };
    expect([await send("carillon.ctl.all", 5), await send("carillon.ctl.all", 6)]).toEqual([0, 0]);
    expect(await send("carillon.ctl.all", 8)).toBe(1);
    // Other nodes get messages of their own, which are not missed here.
    expect([await send("carillon.ctl.node.a", 3), await send("carillon.ctl.node.a", 9)]).toEqual([1, 1]);
    stop();
    expect(await send("carillon.ctl.all", 11)).toBe(1);
    await sender.close();
    await bus.close();
  });

  it("goes on after its server was killed, on another one", async () => {
    await using cluster = await NatsCluster.start();
    const [first, ...others] = cluster.servers;
    const near = await connectNatsBus({ servers: [first?.url ?? "", ...others.map(({ url }) => url)] });
    const far = await connectNatsBus({ servers: [others[0]?.url ?? ""] });
    const heard: string[] = [];
    await near.clusterLink.open("near", (message) => heard.push(Buffer.from(message).toString()));
    await far.clusterLink.open("far", () => undefined);
    await eventually(() => {
      far.clusterLink.broadcast(Buffer.from("before"));
      expect(heard).toContain("before");
    });
    await first?.kill();
    await eventually(() => {
      far.clusterLink.broadcast(Buffer.from("after"));
      far.clusterLink.send("near", Buffer.from("to near"));
      expect(heard).toContain("after");
      expect(heard).toContain("to near");
    });
    await Promise.all([near.close(), far.close()]);
  });

  it("while it moves to another server, nothing is heard twice or in another order", async () => {
    await using cluster = await NatsCluster.start();
    const [first, second] = cluster.servers;
    const log = new RecordingLog();
    const near = await connectNatsBus({ servers: [first?.url ?? ""], log });
    const far = await connectNatsBus({ servers: [second?.url ?? ""] });
    const heard: number[] = [];
    await near.clusterLink.open("near", (message) => heard.push(Number(Buffer.from(message).toString())));
    await far.clusterLink.open("far", () => undefined);
    let sent = 0;
    const sending = setInterval(() => {
      sent++;
      far.clusterLink.broadcast(Buffer.from(`${sent}`));
    }, 1);
    await eventually(() => expect(heard.length).toBeGreaterThan(10));
    first?.signal("SIGUSR2");
    await eventually(() => expect(log.count("nats_moved")).toBe(1), { timeoutMs: 30_000 });
    const atMove = sent;
    await eventually(() => expect(heard.at(-1)).toBeGreaterThan(atMove + 100), { timeoutMs: 30_000 });
    clearInterval(sending);
    expect(heard).toEqual([...new Set(heard)].sort((a, b) => a - b));
    expect(near.counters.disconnects).toBe(0);
    await Promise.all([near.close(), far.close()]);
  });
});
