import { WebhookEntryTooLargeError, WebhookQueueUnavailableError } from "@carillon/core";
import { eventually, NatsCluster, NatsServer } from "@carillon/testkit";
import { entryOf, laneFor } from "@carillon/testkit/contracts";
import { describe, expect, it } from "vitest";
import { connectNatsBus } from "../src/index.ts";
import { RecordingLog } from "./support/recording-log.ts";

const WEBHOOKS = { leaseMs: 1000, deadlineMs: 5000 } as const;

describe("webhook queue › outages", () => {
  it("no JetStream › is told at once with what to do", async () => {
    await using server = await NatsServer.start();
    const bus = await connectNatsBus({ servers: [server.url] });
    const refused = bus.webhooks.enqueue([entryOf("app", "1")]);
    await expect(refused).rejects.toBeInstanceOf(WebhookQueueUnavailableError);
    await expect(refused).rejects.toThrow(/webhooks need JetStream.*add "jetstream \{\}"/);
    await expect(bus.webhooks.consume(laneFor("app")).next(1000)).rejects.toThrow(/webhooks need JetStream/);
    await bus.close();
  });

  it("restart › what is queued, what is held and what is dead outlive the server, and who waited goes on", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const bus = await connectNatsBus({ servers: [server.url], webhooks: WEBHOOKS });
    const consumer = bus.webhooks.consume(laneFor("app"));
    await bus.webhooks.enqueue(["1", "2", "3"].map((id) => entryOf("app", id)));
    await (await consumer.next(5000))?.bury("expired");
    const held = await consumer.next(5000);
    expect(held?.entries.map(({ id }) => id)).toEqual(["2"]);
    const other = bus.webhooks.consume(laneFor("app"));
    const waiting = other.next(20_000);
    await server.kill();
    await eventually(() => expect(bus.status).toBe("disconnected"));
    await expect(bus.webhooks.enqueue([entryOf("app", "4")])).rejects.toThrow("not connected");
    await expect(bus.webhooks.stats()).rejects.toThrow("not connected");
    await server.restart();
    await eventually(() => expect(bus.status).toBe("connected"));
    const again = await waiting;
    expect(again?.entries.map(({ id }) => id)).toEqual(["2"]);
    await again?.ack();
    const third = await other.next(5000);
    expect(third?.entries.map(({ id }) => id)).toEqual(["3"]);
    await third?.ack();
    expect((await bus.webhooks.dead({ after: 0, limit: 10 })).map(({ entry }) => entry.id)).toEqual(["1"]);
    await bus.close();
  });

  it("a queue away for longer than a lease › what is held counts as lost, however often it was extended", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const bus = await connectNatsBus({ servers: [server.url], webhooks: WEBHOOKS });
    await bus.webhooks.enqueue([entryOf("app", "1")]);
    const lease = await bus.webhooks.consume(laneFor("app")).next(5000);
    await server.kill();
    await eventually(() => expect(bus.status).toBe("disconnected"));
    await eventually(() => {
      lease?.extend();
      expect(lease?.isHeld).toBe(false);
    });
    await expect(lease?.ack()).rejects.toThrow("the lease has run out");
    await bus.close();
  });

  it("a queue away for long › the wait for work says so, and works again afterwards", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const bus = await connectNatsBus({ servers: [server.url], webhooks: WEBHOOKS });
    const consumer = bus.webhooks.consume(laneFor("app"));
    await expect(consumer.next(10)).resolves.toBeNull();
    await server.kill();
    await expect(consumer.next(60_000)).rejects.toBeInstanceOf(WebhookQueueUnavailableError);
    await server.restart();
    await eventually(() => expect(bus.status).toBe("connected"));
    await bus.webhooks.enqueue([entryOf("app", "1")]);
    const lease = await consumer.next(10_000);
    expect(lease?.entries).toHaveLength(1);
    await bus.close();
  });

  it("several processes at once › make the streams once; changed limits are taken over", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const open = (maxBytes: number, log = new RecordingLog()) =>
      connectNatsBus({ servers: [server.url], webhooks: { ...WEBHOOKS, maxBytes }, log });
    const buses = await Promise.all(Array.from({ length: 5 }, () => open(8_000_000)));
    await Promise.all(buses.map(({ webhooks }, index) => webhooks.enqueue([entryOf("app", String(index))])));
    expect((await buses[0]?.webhooks.stats())?.queued).toBe(5);
    const later = await open(16_000_000);
    await later.webhooks.stats();
    const { account_details } = await server.monitor<{
      account_details: { stream_detail: { name: string; config: { max_bytes: number } }[] }[];
    }>("/jsz?streams=1&config=1");
    const details = account_details.flatMap(({ stream_detail }) => stream_detail);
    expect(details.map(({ name, config }) => [name, config.max_bytes]).sort()).toEqual([
      ["CARILLON_HOOKS", 16_000_000],
      ["CARILLON_HOOKS_DEAD", 16_000_000],
    ]);
    await Promise.all([...buses, later].map((bus) => bus.close()));
  });

  it("a full queue › refuses what comes on top and keeps what it has", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const webhooks = { ...WEBHOOKS, maxBytes: 1_048_576, deadlineMs: 500 };
    const bus = await connectNatsBus({ servers: [server.url], webhooks });
    const big = entryOf("app", "big");
    const event = {
      name: "client_event",
      event: "e",
      data: "x".repeat(200_000),
      socket_id: "1.1",
      channel: "c",
    } as const;
    const fill = async () => {
      for (let index = 0; index < 10; index++) await bus.webhooks.enqueue([{ ...big, id: `big-${index}`, event }]);
    };
    await expect(fill()).rejects.toBeInstanceOf(WebhookQueueUnavailableError);
    const lease = await bus.webhooks.consume(laneFor("app")).next(5000);
    expect(lease?.entries.map(({ id }) => id)).toEqual(["big-0"]);
    await bus.close();
  });

  it("three copies › the leader dies, and nothing is lost or out of order", async () => {
    await using servers = await NatsCluster.start({ size: 3, jetStream: true });
    const webhooks = { replicas: 3, leaseMs: 2000, deadlineMs: 20_000 } as const;
    const bus = await connectNatsBus({ servers: servers.urls, webhooks });
    await bus.webhooks.enqueue([entryOf("app", "0")]);
    const seen: string[] = [];
    const consumer = bus.webhooks.consume(laneFor("app"));
    const working = (async () => {
      while (seen.at(-1) !== "59") {
        const lease = await consumer.next(20_000).catch(() => null);
        if (lease === null) continue;
        seen.push(...lease.entries.map(({ id }) => id));
        await lease.ack().catch(() => undefined);
      }
    })();
    for (let index = 1; index < 60; index++) {
      if (index === 20) await servers.server(0).kill();
      const entry = entryOf("app", String(index));
      await eventually(() => bus.webhooks.enqueue([entry]), { timeoutMs: 40_000 });
    }
    await working;
    expect([...new Set(seen)]).toEqual(Array.from({ length: 60 }, (_, index) => String(index)));
    await bus.close();
  }, 120_000);

  it("max_payload › an entry that is too large is refused at once with what to do, and holds up no publish", async () => {
    await using server = await NatsServer.start({ jetStream: true, config: { max_payload: 8192 } });
    const bus = await connectNatsBus({ servers: [server.url], webhooks: WEBHOOKS });
    const long = (bytes: number) => ({ channel: "c".repeat(bytes) });
    const refused = bus.webhooks.enqueue([entryOf("app", "1"), entryOf("app", "large", long(8192))]);
    const published = bus.publish({ appId: "app", channel: "c" }, new Uint8Array(10));
    await expect(refused).rejects.toBeInstanceOf(WebhookEntryTooLargeError);
    await expect(refused).rejects.toThrow(/raise max_payload/);
    await expect(published).resolves.toBeDefined();
    await bus.webhooks.enqueue([entryOf("app", "fits", long(7000))]);
    const consumer = bus.webhooks.consume(laneFor("app", long(7000)));
    const lease = await consumer.next(5000);
    expect(lease?.entries.map(({ id }) => id)).toEqual(["fits"]);
    // A dead letter is somewhat larger.
    await lease?.bury("expired");
    expect(await bus.webhooks.dead({ after: 0, limit: 10 })).toHaveLength(1);
    await bus.close();
  });
});
