import { createNodeCounters } from "@carillon/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createPublicServer } from "../../src/http/uws-server.ts";
import { createSilentLogger } from "../../src/process/logger.ts";
import { RawClient, startServer, until } from "./support.ts";

const echoHeader = { method: "GET", path: "/", headers: ["x-long"] } as const;

function startEcho() {
  return startServer((server) => {
    server.route({
      ...echoHeader,
      handle: (request) => ({ status: 200, body: `${request.header("x-long").length} bytes` }),
    });
    server.webSocket({
      maxFrameBytes: 1000,
      maxBackpressureBytes: 100_000,
      idleTimeoutSeconds: 60,
      decide: () => ({
        kind: "accept",
        open: (socket) => ({
          onFrame: (data, isBinary) => void socket.write(data, isBinary),
          onClose: () => undefined,
        }),
      }),
    });
  });
}

describe("request heads", () => {
  test("of nearly 16 KiB pass, whether they come at once or in pieces", async () => {
    await using running = await startEcho();
    for (const pieces of [1, 2]) {
      await using client = await RawClient.open(running.port);
      const head = `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(15_000)}\r\n\r\n`;
      const size = Math.ceil(head.length / pieces);
      for (let start = 0; start < head.length; start += size) {
        client.write(head.slice(start, start + size));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await client.received("15000 bytes");
    }
  });

  test("that never end are cut off", async () => {
    await using running = await startEcho();
    await using client = await RawClient.open(running.port);
    client.write("GET / HTTP/1.1\r\nHost: x\r\n");
    for (let sent = 0; sent < 40 && !client.isClosed; sent += 1) {
      client.write(`X-Part: ${"x".repeat(1000)}\r\n`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.closed();
    expect(client.text).not.toContain("200 OK");
  });

  test("a limit that is out of bounds is refused", () => {
    const options = { logger: createSilentLogger(), counters: createNodeCounters(), maxHeaderBytes: 0 };
    expect(() => createPublicServer(options)).toThrow(
      "maxHeaderBytes is 0; it must be a whole number from 1024 to 1048576.",
    );
  });

  test("another limit than the process has is told in the log", async () => {
    await using _first = await startEcho();
    await using second = await startServer(() => undefined, { maxHeaderBytes: 2048 });
    expect(second.loggedEvents()).toEqual(["max_header_bytes_ignored"]);
  });
});

describe("garbage", () => {
  const almostRequests = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(
        fc.constantFrom("GET", "POST", "get", "\0", ""),
        fc.string({ maxLength: 40 }),
        fc.constantFrom("HTTP/1.1", "HTTP/1.0", "HTTP/9", ""),
        fc.array(fc.tuple(fc.string({ maxLength: 20 }), fc.string({ maxLength: 40 })), { maxLength: 8 }),
        fc.string({ maxLength: 100 }),
      )
      .map(([method, path, version, headers, body]) => {
        const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
        return Buffer.from(`${method} /${path} ${version}\r\n${lines}\r\n${body}`);
      }),
    fc
      .constantFrom(
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\nUpgrade: websocket\r\n\r\n",
      )
      .map((text) => Buffer.from(text)),
  );

  test("instead of a request doesn't hurt anybody else", async () => {
    await using running = await startEcho();
    await fc.assert(
      fc.asyncProperty(almostRequests, async (bytes) => {
        await using client = await RawClient.open(running.port);
        client.write(bytes);
        client.socket.end();
        await until(() => client.isClosed || client.text !== "", 15_000);
        expect(await (await fetch(running.url)).text()).toBe("0 bytes");
      }),
      { numRuns: 150 },
    );
    expect(running.loggedEvents()).toEqual([]);
  });

  test("instead of frames cuts that connection alone", async () => {
    await using running = await startEcho();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 2, maxLength: 200 }), async (bytes) => {
        await using client = await RawClient.open(running.port);
        client.write(
          "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        );
        await client.received("101 Switching Protocols");
        client.write(bytes);
        client.socket.end();
        await client.closed();
        expect(await (await fetch(running.url)).text()).toBe("0 bytes");
      }),
      { numRuns: 100 },
    );
    await until(() => running.server.openSockets === 0);
  });
});
