import { connect, type Socket } from "node:net";
import { eventually, HttpClient } from "@carillon/testkit";
import { expect, test } from "vitest";
import { CarillonProcess } from "../test/support/carillon-process.ts";
import { writeConfig } from "../test/support/config-file.ts";

const CONFIG = `
apps:
  - id: "1001"
    key: app-key
    secrets: [app-secret]
    publishSecret: guide-secret
    limits: { commandsPerSecond: 0 }
gateway:
  fallback: { keepSeconds: 1, bufferBytes: 256KiB }
  drain: { delaySeconds: 0, spreadSeconds: 0 }
`;

/** What one process may have grown by in the end, whatever was done to it. */
const GROWTH_BYTES = 24 * 1024 * 1024;
const SLOW = 50;
const ABORTED = 1000;

async function open(port: number, request: string): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.write(request);
  return socket;
}

test("fallback › slow readers, aborted polls, guesses and megabytes: memory stays flat, and nothing is left", async () => {
  await using running = await CarillonProcess.start("dev", ["--config", await writeConfig(CONFIG)], {
    nodeArgs: ["--inspect=127.0.0.1:0"],
  });
  const port = Number(new URL(running.url).port);
  const begun = await HttpClient.open(running.url, { transport: "poll", query: "channels=flood" });
  await running.publish({ channel: "flood", event: "e", payload: "x".repeat(10_000) });
  await begun.close();
  const before = await running.memory();

  // Streams whose readers stop, while more is published than they and their buffers could ever take.
  const slow = await Promise.all(
    Array.from({ length: SLOW }, async () => {
      const socket = await open(port, "GET /sse?channels=flood HTTP/1.1\r\nHost: x\r\n\r\n");
      await new Promise((resolve) => socket.once("data", resolve));
      return socket.pause();
    }),
  );
  await eventually(async () => expect(await running.metric("carillon_subscriptions")).toBe(SLOW));
  await eventually(
    async () => {
      const payload = "x".repeat(10_000);
      await Promise.all(Array.from({ length: 50 }, () => running.publish({ channel: "flood", event: "e", payload })));
      expect(await running.metric("carillon_slow_consumers_total")).toBe(SLOW);
    },
    { timeoutMs: 60_000, intervalMs: 0 },
  );
  for (const socket of slow) socket.destroy();

  const honest = await HttpClient.open(running.url, { transport: "poll" });
  const { session } = honest;
  for (let round = 0; round < 20; round++) {
    await Promise.all(
      Array.from({ length: ABORTED / 20 }, async (_, index) => {
        const isNew = index % 2 === 0;
        // Half of them hold a poll open that never learned its session, half guess at one.
        const path = isNew ? "/poll?token=x.y.z" : `/poll?session=${session.slice(0, -4)}AAAA&after=${index}`;
        const socket = await open(port, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
        socket.destroy();
      }),
    );
    // Who still sends when the connection is closed behind the 413 may see only that.
    const big = await fetch(`${running.url}/send?session=${session}`, {
      method: "POST",
      body: "x".repeat(1_000_000),
    }).then(
      ({ status }) => status,
      (error: TypeError) => (error.cause as NodeJS.ErrnoException).code,
    );
    expect([413, "EPIPE", "ECONNRESET", "UND_ERR_SOCKET"]).toContain(big);
  }

  expect(await honest.request({ type: "ping" })).toMatchObject({ type: "pong" });
  await honest.close();
  await eventually(
    async () => {
      for (const metric of ["carillon_connections", "carillon_fallback_sessions", "carillon_subscriptions"]) {
        expect([metric, await running.metric(metric)]).toEqual([metric, 0]);
      }
    },
    { timeoutMs: 30_000 },
  );
  const after = await running.memory();
  expect(after.heapUsedBytes - before.heapUsedBytes).toBeLessThan(GROWTH_BYTES);
  expect(after.residentBytes - before.residentBytes).toBeLessThan(4 * GROWTH_BYTES);
});
