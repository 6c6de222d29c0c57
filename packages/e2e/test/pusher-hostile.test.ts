import { eventually, PusherClient } from "@carillon/testkit";
import { expect, test } from "vitest";
import { CarillonProcess } from "./support/carillon-process.ts";

const FRAMES = 10_000;
const MIB = 1024 * 1024;

/** Sends far too much at once and waits for the end. */
async function flood(url: string, frame: (index: number) => string): Promise<number> {
  await using client = await PusherClient.open(url);
  for (let index = 0; index < FRAMES; index++) client.sendRaw(frame(index));
  return (await client.closed).code;
}

test("hostile Pusher clients end by the right code, others don't notice, and memory stays where it was", async () => {
  await using running = await CarillonProcess.start("dev", [], { nodeArgs: ["--inspect=127.0.0.1:0"] });
  const url = `${running.url.replace("http", "ws")}/app/app-key?protocol=7`;
  await using bystander = await PusherClient.open(url);
  await bystander.subscribe("orders");
  const subscribe = (index: number) => JSON.stringify({ event: "pusher:subscribe", data: { channel: `c-${index}` } });
  const presence = (index: number) => {
    const data = { channel: `presence-${index}`, auth: "app-key:00", channel_data: "x".repeat(1000) };
    return JSON.stringify({ event: "pusher:subscribe", data });
  };
  const once = async () => {
    expect(await flood(url, subscribe)).toBe(4103);
    expect(await flood(url, presence)).toBe(4103);
    expect(await flood(url, () => "{")).toBe(4011);
    await using large = await PusherClient.open(url);
    const data = { channel: "presence-a", auth: "app-key:00", channel_data: "x".repeat(MIB) };
    large.send("pusher:subscribe", data);
    expect((await large.closed).code).toBe(1006);
  };
  // The first rounds warm up what is made once.
  for (let round = 0; round < 3; round++) await once();
  const before = await running.memory();
  for (let round = 0; round < 10; round++) await once();
  await bystander.settle();
  await eventually(async () => expect(await running.metric("carillon_connections")).toBe(1));
  const after = await running.memory();
  expect(after.heapUsedBytes - before.heapUsedBytes).toBeLessThan(8 * MIB);
  expect(after.residentBytes - before.residentBytes).toBeLessThan(64 * MIB);
}, 120_000);
