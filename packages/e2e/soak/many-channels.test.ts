import { eventually, NativeClient, NatsServer } from "@carillon/testkit";
import { expect, test } from "vitest";
import { CarillonProcess } from "../test/support/carillon-process.ts";
import { writeConfig } from "../test/support/config-file.ts";

const CHANNELS = 100_000;
const CONNECTIONS = 100;
const PER_FRAME = 100;

const CONFIG = `
apps:
  - id: "1001"
    key: app-key
    secrets: [app-secret]
    publishSecret: guide-secret
    limits: { commandsPerSecond: 0, channelsPerConnection: 0 }
gateway: { lingerSeconds: 1, maxLingeringChannels: 200000 }
`;

test(`one gateway, ${CHANNELS} channels › subscribe, publish, unsubscribe, and the memory comes back`, async () => {
  await using nats = await NatsServer.start();
  const args = ["--config", await writeConfig(CONFIG), "--nats", nats.url];
  await using gateway = await CarillonProcess.start("gateway", args, { nodeArgs: ["--inspect=127.0.0.1:0"] });
  await using publisher = await CarillonProcess.start("publisher", args);
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => NativeClient.open(gateway.webSocketUrl)));

  // A hundredth of it first, so that code is compiled and buffers have their size.
  await round(clients, { gateway, publisher, channels: CHANNELS / 100 });
  const before = await gateway.memory();
  await round(clients, { gateway, publisher, channels: CHANNELS });
  const first = await gateway.memory();
  await round(clients, { gateway, publisher, channels: CHANNELS });
  const second = await gateway.memory();

  expect(first.heapUsedBytes).toBeLessThanOrEqual(before.heapUsedBytes * 1.1);
  expect(second.heapUsedBytes).toBeLessThanOrEqual(before.heapUsedBytes * 1.1);
  // glibc keeps what uWebSockets.js has freed, about 0.4 KB a channel, for the next time: it must not grow.
  expect(second.residentBytes).toBeLessThanOrEqual(first.residentBytes * 1.1);
  for (const client of clients) client.terminate();
  await Promise.all(clients.map((client) => client.closed));
}, 240_000);

interface Round {
  readonly gateway: CarillonProcess;
  readonly publisher: CarillonProcess;
  readonly channels: number;
}

async function round(clients: readonly NativeClient[], { gateway, publisher, channels }: Round): Promise<void> {
  const each = channels / CONNECTIONS;
  await forEachChannel(clients, each, "subscribe");
  expect(await gateway.metric("carillon_channels")).toBe(channels);
  const seen = clients.map((client) => client.deliveries.length);
  for (const [index, client] of clients.entries()) {
    const channel = channelOf(index, each - 1);
    expect((await publisher.publish({ channel, event: "hello", payload: index })).status).toBe(204);
    const events = await client.events((seen[index] as number) + 1);
    expect(events.at(-1)).toEqual({ channel, event: "hello", payload: index });
  }
  await forEachChannel(clients, each, "unsubscribe");
  await eventually(async () => expect(await gateway.metric("carillon_channels")).toBe(0), { timeoutMs: 30_000 });
}

async function forEachChannel(
  clients: readonly NativeClient[],
  each: number,
  type: "subscribe" | "unsubscribe",
): Promise<void> {
  for (let start = 0; start < each; start += PER_FRAME) {
    await Promise.all(
      clients.map(async (client, index) => {
        const count = Math.min(PER_FRAME, each - start);
        const channels = Array.from({ length: count }, (_, offset) => channelOf(index, start + offset));
        const reply = await client.request({ type, channels });
        expect(reply).toMatchObject({ type: `${type}d` });
        expect(reply["errors"]).toBeUndefined();
        client.forget((frame) => frame["type"] === `${type}d`);
      }),
    );
  }
}

function channelOf(client: number, index: number): string {
  return `own-${client}-${index}`;
}
