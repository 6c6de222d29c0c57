import type { Transport } from "@carillon/core";
import { expect, test } from "vitest";
import { RawClient, SocketClient, startServer, until, upgradeHead } from "./support.ts";

const MAX_BACKPRESSURE_BYTES = 64 * 1024;
const FRAME_BYTES = 1000;
/** More than any loopback's socket buffers take, which grow to some megabytes by themselves. */
const MAX_FRAMES = 100_000;

/** A numbered frame. */
function frame(index: number): Buffer {
  return Buffer.from(String(index).padStart(FRAME_BYTES, "."));
}

async function start() {
  const sockets: Transport[] = [];
  const closed: string[] = [];
  const running = await startServer((server) => {
    server.webSocket({
      maxFrameBytes: 1000,
      maxBackpressureBytes: MAX_BACKPRESSURE_BYTES,
      idleTimeoutSeconds: 60,
      decide: () => ({
        kind: "accept",
        open: (socket) => {
          const index = sockets.push(socket) - 1;
          socket.joinTopic("topic");
          return {
            onFrame: () => undefined,
            onClose: (code, wasSlow) => {
              closed.push(`${index}: ${code} ${wasSlow}`);
              server.publish("topic", Buffer.from("left"), false);
            },
          };
        },
      }),
    });
  });
  return { running, sockets, closed, [Symbol.asyncDispose]: () => running.server.close() };
}

/** A client that opened a WebSocket and doesn't read any more. */
async function stuckClient(port: number): Promise<RawClient> {
  const client = await RawClient.open(port);
  client.write(upgradeHead("/"));
  await client.received("101 Switching Protocols");
  client.socket.pause();
  return client;
}

test.each([1, 3])(
  "slow consumer › %d clients that stop reading are cut, and the others get everything in order",
  async (slowClients) => {
    await using started = await start();
    const { running, closed } = started;
    await using healthy = await SocketClient.open(running.port);
    const stuck: RawClient[] = [];
    for (let index = 0; index < slowClients; index += 1) stuck.push(await stuckClient(running.port));

    let published = 0;
    while (closed.length < slowClients && published < MAX_FRAMES) {
      for (let index = 0; index < 20; index += 1, published += 1) {
        running.server.publish("topic", frame(published), false);
      }
      // The healthy client keeps up; a turn of the loop lets uWebSockets.js close whom it decided to.
      const count = () => healthy.frames.filter((received) => received !== "left").length;
      await until(() => count() === published);
    }

    expect([...closed].sort()).toEqual(Array.from({ length: slowClients }, (_, index) => `${index + 1}: 1006 true`));
    expect(running.counters.slowConsumers).toBe(slowClients);
    expect(running.server.openSockets).toBe(1);
    const frames = healthy.frames.filter((received) => received !== "left");
    expect(frames).toEqual(Array.from({ length: published }, (_, index) => String(frame(index))));
    await until(() => healthy.frames.includes("left"));
    for (const client of stuck) await client[Symbol.asyncDispose]();
  },
);

test("slow consumer › what is written to it past its bound is dropped, and nothing touches it until it has closed", async () => {
  await using started = await start();
  const { running, sockets, closed } = started;
  await using _stuck = await stuckClient(running.port);
  await using healthy = await SocketClient.open(running.port);
  const [slow] = sockets;
  if (slow === undefined) throw new Error("It isn't open.");

  const results = new Set<string>();
  for (let index = 0; index < MAX_FRAMES && slow.isOpen; index += 1) results.add(slow.write(frame(index), false));
  expect([...results]).toEqual(["sent", "queued", "dropped"]);

  expect(slow.write("more", false)).toBe("dropped");
  expect(slow.bufferedBytes).toBe(0);
  slow.joinTopic("other");
  slow.leaveTopic("topic");
  slow.close(4200, "never sent");
  slow.terminate();
  slow.publishToOthers("topic", Buffer.from("from the slow one"), false);

  await until(() => closed.length === 1);
  expect(closed).toEqual(["0: 1006 true"]);
  expect(slow.write("more", false)).toBe("closed");
  expect(running.counters.slowConsumers).toBe(1);
  expect((await healthy.received(2)).slice().sort()).toEqual(["from the slow one", "left"]);
});
