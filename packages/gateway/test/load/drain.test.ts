import { connect as connectTcp } from "node:net";
import { CLOSE_CODES } from "@carillon/protocol";
import { eventually, FakeClock, NativeClient } from "@carillon/testkit";
import { TestGateway } from "@carillon/testkit/gateway";
import { describe, expect, test } from "vitest";

/** A client that answers no close frame, and holds its side of the connection open whatever happens. */
async function deafClient(gateway: TestGateway): Promise<{ readonly ended: Promise<void> }> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connectTcp({ host: hostname, port: Number(port), allowHalfOpen: true });
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.write(
    "GET /ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  await new Promise((resolve) => socket.once("data", resolve));
  socket.resume();
  // Cut from the other side: nothing else ends it.
  const ended = new Promise<void>((resolve) => {
    socket.on("error", () => undefined);
    socket.on("close", () => resolve());
    socket.on("end", () => resolve());
  });
  return { ended };
}

describe("drain", () => {
  test("clients that ignore it, and clients that read nothing, don't keep it from ending", async () => {
    await using gateway = await TestGateway.start({ settings: { maxBackpressureBytes: 64 * 1024 * 1024 } });
    const deaf = await deafClient(gateway);
    const slow = await NativeClient.open(gateway.webSocketUrl);
    await slow.subscribe("flood");
    slow.pause();
    // Less than cuts it as a slow consumer, more than the system takes: its close frame can't go out.
    for (let sent = 0; sent < 2000; sent++) await gateway.publish("flood", "e", "x".repeat(8000));
    const polling = await fetch(`${gateway.url}/poll?channels=news`);
    expect(polling.status).toBe(200);
    expect([gateway.gateway.connections, gateway.counters.slowConsumers]).toEqual([3, 0]);
    await gateway.gateway.drain(200);
    expect(gateway.gateway.connections).toBe(0);
    expect(gateway.counters.connectionsDrained).toEqual(new Map([["shutdown", 3]]));
    await deaf.ended;
    slow.terminate();
  });

  test("clients that are writing all the time hear the code, too", async () => {
    await using gateway = await TestGateway.start();
    const clients = await Promise.all(Array.from({ length: 20 }, () => NativeClient.open(gateway.webSocketUrl)));
    const closed = Promise.all(clients.map((client) => client.closed));
    let isOver = false;
    void closed.then(() => {
      isOver = true;
    });
    const drained = gateway.gateway.drain(300);
    while (!isOver) {
      for (const client of clients) client.send({ type: "ping", id: 1 });
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const closure of await closed) expect(closure).toEqual(CLOSE_CODES.drain);
    await drained;
  });

  test("all transports and protocols are asked, each in its form, over the same time", async () => {
    const clock = new FakeClock(Date.now());
    await using gateway = await TestGateway.start({ clock });
    const native = await NativeClient.open(gateway.webSocketUrl);
    const pusher = await NativeClient.connect(gateway.pusherUrl);
    const stream = await fetch(`${gateway.url}/sse?channels=news`);
    const text = stream.text();
    await eventually(() => expect(gateway.gateway.connections).toBe(3));
    let isDrained = false;
    const drained = gateway.gateway.drain(300).then(() => {
      isDrained = true;
    });
    await eventually(() => {
      clock.advance(10);
      expect(isDrained).toBe(true);
    });
    await drained;
    expect(await native.closed).toEqual(CLOSE_CODES.drain);
    expect(native.frames.at(-1)).toMatchObject({ type: "reconnect", delayMs: expect.any(Number) });
    expect(await pusher.closed).toEqual(CLOSE_CODES.drain);
    expect(await text).toContain(`data: {"code":${CLOSE_CODES.drain.code}`);
    // An EventSource comes back after a moment.
    expect(await text).toMatch(/retry: 1000\nid: \nevent: close/);
  });
});
