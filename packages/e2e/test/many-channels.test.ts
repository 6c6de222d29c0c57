import { eventually, NativeClient, NatsServer } from "@carillon/testkit";
import { expect, test } from "vitest";
import { CarillonProcess } from "./support/carillon-process.ts";
import { writeConfig } from "./support/config-file.ts";

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
  await using gateway = await CarillonProcess.start("gateway", args);
  await using publisher = await CarillonProcess.start("publisher", args);
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => NativeClient.open(gateway.webSocketUrl)));

  // The first round makes what a process keeps for good (heap, tables of nats-server); later ones must come back to it.
  await round(clients, gateway, publisher);
  const baseline = await restingBytes(gateway);
  await round(clients, gateway, publisher);
  await round(clients, gateway, publisher);
  await eventually(async () => expect(await restingBytes(gateway)).toBeLessThanOrEqual(baseline * 1.1), {
    timeoutMs: 30_000,
  });
  for (const client of clients) client.terminate();
  await Promise.all(clients.map((client) => client.closed));
}, 240_000);

async function round(
  clients: readonly NativeClient[],
  gateway: CarillonProcess,
  publisher: CarillonProcess,
): Promise<void> {
  await forEachFrame(clients, "subscribe");
  expect(await gateway.metric("carillon_channels")).toBe(CHANNELS);
  const seen = clients.map((client) => client.deliveries.length);
  for (const [index, client] of clients.entries()) {
    const channel = channelOf(index, PER_FRAME - 1);
    expect((await publisher.publish({ channel, event: "hello", payload: index })).status).toBe(204);
    const events = await client.events((seen[index] as number) + 1);
    expect(events.at(-1)).toEqual({ channel, event: "hello", payload: index });
  }
  await forEachFrame(clients, "unsubscribe");
  await eventually(async () => expect(await gateway.metric("carillon_channels")).toBe(0), { timeoutMs: 30_000 });
}

async function forEachFrame(clients: readonly NativeClient[], type: "subscribe" | "unsubscribe"): Promise<void> {
  const each = CHANNELS / CONNECTIONS;
  for (let start = 0; start < each; start += PER_FRAME) {
    await Promise.all(
      clients.map(async (client, index) => {
        const channels = Array.from({ length: PER_FRAME }, (_, offset) => channelOf(index, start + offset));
        const reply = await client.request({ type, channels });
        expect(reply).toMatchObject({ type: `${type}d` });
        expect(reply["errors"]).toBeUndefined();
        client.frames.splice(0, client.frames.length, ...(client.deliveries as never[]));
        client.receivedText.length = 0;
      }),
    );
  }
}

function channelOf(client: number, index: number): string {
  return `own-${client}-${index}`;
}

/** The smallest of several readings: V8 gives memory back when it finds the time. */
async function restingBytes(gateway: CarillonProcess): Promise<number> {
  const readings: number[] = [];
  for (let count = 0; count < 5; count++) readings.push(await gateway.residentBytes());
  return Math.min(...readings);
}
