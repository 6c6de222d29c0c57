import { createServer } from "node:net";
import { createNodeCounters } from "@carillon/core";
import { describe, expect, test } from "vitest";
import type { PublicServer, WebSocketEndpoint } from "../../src/http/http-types.ts";
import { createPublicServer } from "../../src/http/uws-server.ts";
import { createSilentLogger } from "../../src/process/logger.ts";
import { RawClient, SocketClient, startServer } from "./support.ts";

const endpoint: WebSocketEndpoint = {
  maxFrameBytes: 1000,
  maxBackpressureBytes: 100_000,
  idleTimeoutSeconds: 60,
  decide: () => ({ kind: "accept", open: () => ({ onFrame: () => undefined, onClose: () => undefined }) }),
};

function newServer(): PublicServer & AsyncDisposable {
  const server = createPublicServer({ logger: createSilentLogger(), counters: createNodeCounters() });
  return Object.assign(server, { [Symbol.asyncDispose]: () => server.close() });
}

/** Runs `use` while a server that isn't Carillon's has a port. */
async function withOtherServer<T>(use: (port: number) => T | Promise<T>): Promise<T> {
  const other = createServer();
  const port = await new Promise<number>((resolve) => {
    other.listen(0, "127.0.0.1", () => resolve((other.address() as { port: number }).port));
  });
  try {
    return await use(port);
  } finally {
    await new Promise((resolve) => other.close(resolve));
  }
}

describe("listen", () => {
  test("a port that another server of Carillon has is refused, with what to do", async () => {
    await using running = await startServer(() => undefined);
    await using second = newServer();
    await expect(second.listen({ host: "127.0.0.1", port: running.port })).rejects.toMatchObject({
      name: "PortInUseError",
      code: "EADDRINUSE",
      message:
        `127.0.0.1:${running.port} is in use. Stop the process that listens there, ` +
        "or choose another port (--port or --admin-port, where 0 takes any free one).",
    });
    expect((await fetch(running.url)).status).toBe(404);
  });

  test("a port is free again for a restart, and for one server only, right after a server closed its connections", async () => {
    await using first = newServer();
    first.webSocket(endpoint);
    const { port } = await first.listen({ host: "127.0.0.1", port: 0 });
    const client = await SocketClient.open(port);
    await first.close();
    await client.closed();
    await using second = newServer();
    expect(await second.listen({ host: "127.0.0.1", port })).toEqual({ host: "127.0.0.1", port });
    await using third = newServer();
    await expect(third.listen({ host: "127.0.0.1", port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  test("a port that something else has is refused too", async () => {
    await withOtherServer(async (port) => {
      await using server = newServer();
      await expect(server.listen({ host: "127.0.0.1", port })).rejects.toMatchObject({ code: "EADDRINUSE" });
    });
  });

  test("an address that the machine doesn't have is refused by its name", async () => {
    await using server = newServer();
    // 192.0.2.0/24 is reserved for documentation.
    await expect(server.listen({ host: "192.0.2.1", port: 0 })).rejects.toMatchObject({
      name: "ListenError",
      code: "EADDRNOTAVAIL",
      message: expect.stringContaining("Cannot listen at 192.0.2.1:0"),
    });
  });

  test("a port that isn't one is refused before it reaches the system", async () => {
    await using server = newServer();
    await expect(server.listen({ host: "127.0.0.1", port: 70_000 })).rejects.toThrow(RangeError);
  });

  test("a client of a server on all addresses is seen by its IPv4 address", async () => {
    await using server = newServer();
    server.route({ method: "GET", path: "/", handle: ({ remoteAddress }) => ({ status: 200, body: remoteAddress }) });
    const { port } = await server.listen({ host: "0.0.0.0", port: 0 });
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe("127.0.0.1");
  });

  test("nothing is added to a server that listens", async () => {
    await using running = await startServer(() => undefined);
    const route = { method: "GET", path: "/", handle: () => ({ status: 200 }) } as const;
    expect(() => running.server.route(route)).toThrow("listens already");
    expect(() => running.server.webSocket(endpoint)).toThrow("listens already");
    await expect(running.server.listen({ host: "127.0.0.1", port: 0 })).rejects.toThrow("listens already");
  });
});

describe("stopListening", () => {
  test("ends accepting and leaves open connections alone", async () => {
    await using running = await startServer((server) => {
      server.webSocket({
        ...endpoint,
        decide: () => ({
          kind: "accept",
          open: (socket) => ({ onFrame: (data) => void socket.write(data, false), onClose: () => undefined }),
        }),
      });
    });
    await using client = await SocketClient.open(running.port);
    running.server.stopListening();
    running.server.stopListening();
    await expect(RawClient.open(running.port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    client.socket.send("still here");
    expect(await client.received(1)).toEqual(["still here"]);
  });

  test("has each connection closed behind the next answer, so that the next call goes elsewhere", async () => {
    await using running = await startServer((server) => {
      server.route({ method: "GET", path: "/", handle: () => ({ status: 200, body: "here" }) });
    });
    await using client = await RawClient.open(running.port);
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.received("here");
    expect(client.text).not.toMatch(/\r\nconnection: close\r\n/i);
    running.server.stopListening();
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.closed();
    expect(client.text).toMatch(/\r\nconnection: close\r\n/i);
  });
});

describe("close", () => {
  test("cuts every connection, and may be called twice", async () => {
    const running = await startServer((server) => server.webSocket(endpoint));
    await using client = await SocketClient.open(running.port);
    await using idle = await RawClient.open(running.port);
    expect(running.server.openSockets).toBe(1);
    await running.server.close();
    await running.server.close();
    expect(running.server.openSockets).toBe(0);
    expect(await client.closed()).toBe(1006);
    await idle.closed();
  });

  test("lets the port go for the next process, although its connections linger in the kernel", async () => {
    const { port } = await withOtherServer((port) => ({ port }));
    for (let round = 0; round < 2; round += 1) {
      await using server = newServer();
      server.webSocket(endpoint);
      expect(await server.listen({ host: "127.0.0.1", port })).toEqual({ host: "127.0.0.1", port });
      await using client = await SocketClient.open(port);
      expect(client.closeCode).toBeNull();
      await server.close();
      await client.closed();
    }
  });

  test("a server that never listened can be closed", async () => {
    const server = newServer();
    await server.close();
    server.stopListening();
    await expect(server.listen({ host: "127.0.0.1", port: 0 })).rejects.toThrow("has been closed");
  });
});

describe("publish", () => {
  const frame = new TextEncoder().encode("frame");

  test("before there is a WebSocket endpoint does nothing", () => {
    const server = newServer();
    server.publish("topic", frame, false);
    return server.close();
  });

  test("after the server closed does nothing", async () => {
    const running = await startServer((server) => server.webSocket(endpoint));
    await running.server.close();
    running.server.publish("topic", frame, false);
  });
});

describe("a WebSocket endpoint's bounds", () => {
  const wrong: readonly [Partial<WebSocketEndpoint>, string][] = [
    [{ idleTimeoutSeconds: 7 }, "idleTimeoutSeconds is 7; it must be a whole number from 8 to 960."],
    [{ idleTimeoutSeconds: 961 }, "idleTimeoutSeconds is 961"],
    [{ idleTimeoutSeconds: 0 }, "idleTimeoutSeconds is 0"],
    [{ idleTimeoutSeconds: 8.5 }, "idleTimeoutSeconds is 8.5"],
    [{ idleTimeoutSeconds: Number.NaN }, "idleTimeoutSeconds is NaN"],
    [{ maxFrameBytes: 0 }, "maxFrameBytes is 0"],
    [{ maxFrameBytes: 2 ** 31 }, "maxFrameBytes is 2147483648"],
    [{ maxBackpressureBytes: 0 }, "maxBackpressureBytes is 0; it must be a whole number from 1 to 2147483647."],
    [{ maxBackpressureBytes: 2 ** 31 }, "maxBackpressureBytes is 2147483648"],
  ];
  test.each(wrong)("%j is refused", async (part, message) => {
    await using server = newServer();
    expect(() => server.webSocket({ ...endpoint, ...part })).toThrow(message);
    // What was refused left nothing behind.
    server.webSocket(endpoint);
  });

  test.each([8, 960])("an idle timeout of %d s is taken", async (idleTimeoutSeconds) => {
    await using server = newServer();
    server.webSocket({ ...endpoint, idleTimeoutSeconds });
    expect(() => server.webSocket(endpoint)).toThrow("has its WebSocket endpoint already");
  });
});
