import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BodyReader } from "../../src/http/body-reader.ts";
import type { PublicServer } from "../../src/http/http-types.ts";
import { problem } from "../../src/http/problem.ts";
import { RawClient, startServer, until } from "./support.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const LIMIT_BYTES = 1000;

/** Answers with the bytes that came; 413 past the limit. Notes what became of each body. */
function echo(server: PublicServer, outcomes: string[] = []): void {
  server.route({
    method: "POST",
    path: "/echo",
    handle: async (request) => {
      const body = await request.body(LIMIT_BYTES);
      outcomes.push(body.kind);
      if (body.kind === "complete") return { status: 200, body: body.bytes };
      return problem("message_too_large", "Send less.");
    },
  });
  server.route({ method: "GET", path: "/works", handle: () => ({ status: 200, body: "still here" }) });
}

function chunk(data: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from("\r\n")]);
}

const CHUNKED_HEAD = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

describe("body", () => {
  test.each([0, 1, LIMIT_BYTES])("of %d bytes is complete", async (length) => {
    await using running = await startServer(echo);
    const body = "x".repeat(length);
    const response = await fetch(`${running.url}/echo`, { method: "POST", body });
    expect([response.status, await response.text()]).toEqual([200, body]);
  });

  test("comes out as it went in, however it is split over chunks and segments", async () => {
    await using running = await startServer(echo);
    const parts = fc.array(fc.uint8Array({ minLength: 1, maxLength: 120 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(parts, async (pieces) => {
        await using client = await RawClient.open(running.port);
        client.write(CHUNKED_HEAD);
        for (const piece of pieces) {
          client.write(chunk(Buffer.from(piece)));
          await new Promise((resolve) => setImmediate(resolve));
        }
        client.write("0\r\n\r\n");
        const whole = Buffer.concat(pieces).toString("latin1");
        await until(() => client.text.endsWith(`\r\n\r\n${whole}`));
      }),
      { numRuns: 30 },
    );
  });

  test("takes no more memory for being sent a byte at a time", async () => {
    const count = 200_000;
    const reader = new BodyReader(count);
    const byte = new Uint8Array([0x78]).buffer;
    collectGarbage();
    const before = process.memoryUsage();
    for (let sent = 1; sent < count; sent++) reader.take(byte, false);
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    expect(heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(10 * count);
    reader.take(byte, true);
    const body = await reader.result;
    expect(body.kind === "complete" && Buffer.from(body.bytes).toString()).toBe("x".repeat(count));
  });

  test("whose length is said to be too large is refused before it comes, and the connection closes", async () => {
    const outcomes: string[] = [];
    await using running = await startServer((server) => echo(server, outcomes));
    await using client = await RawClient.open(running.port);
    client.write(`POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: ${LIMIT_BYTES + 1}\r\n\r\n`);
    await client.closed();
    expect(client.text).toMatch(/^HTTP\/1\.1 413 /);
    expect(client.text).toMatch(/\r\nconnection: close\r\n/i);
    expect(client.text).toContain('"code":"message_too_large"');
    expect(outcomes).toEqual(["too_large"]);
  });

  test("that grows too large is refused while it comes, and the connection closes", async () => {
    const outcomes: string[] = [];
    await using running = await startServer((server) => echo(server, outcomes));
    await using client = await RawClient.open(running.port);
    client.write(CHUNKED_HEAD);
    client.write(chunk(Buffer.alloc(LIMIT_BYTES, "x")));
    expect(outcomes).toEqual([]);
    client.write(chunk(Buffer.from("y")));
    client.write(chunk(Buffer.alloc(LIMIT_BYTES, "z")));
    await client.closed();
    expect(client.text).toMatch(/^HTTP\/1\.1 413 /);
    expect(client.text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(outcomes).toEqual(["too_large"]);
  });

  test("that grows too large in one read is refused once", async () => {
    const outcomes: string[] = [];
    await using running = await startServer((server) => echo(server, outcomes));
    await using client = await RawClient.open(running.port);
    const chunks = Array.from({ length: 5 }, () => chunk(Buffer.alloc(LIMIT_BYTES, "x")));
    client.write(Buffer.concat([Buffer.from(CHUNKED_HEAD), ...chunks, Buffer.from("0\r\n\r\n")]));
    await client.closed();
    expect(client.text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 413"]);
    expect(outcomes).toEqual(["too_large"]);
  });

  test("of a client that leaves in the middle ends as aborted", async () => {
    const outcomes: string[] = [];
    await using running = await startServer((server) => echo(server, outcomes));
    const client = await RawClient.open(running.port);
    client.write("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
    await client[Symbol.asyncDispose]();
    await until(() => outcomes.length > 0);
    expect(outcomes).toEqual(["aborted"]);
    expect(await (await fetch(`${running.url}/works`)).text()).toBe("still here");
    expect(running.loggedEvents()).toEqual([]);
  });

  test("ends as aborted when the server closes", async () => {
    const outcomes: string[] = [];
    const running = await startServer((server) => echo(server, outcomes));
    await using client = await RawClient.open(running.port);
    client.write("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
    expect(await (await fetch(`${running.url}/works`)).text()).toBe("still here");
    await running.server.close();
    await until(() => outcomes.length > 0);
    expect(outcomes).toEqual(["aborted"]);
    await client.closed();
  });

  test("that nobody reads doesn't disturb the next request on the connection", async () => {
    await using running = await startServer(echo);
    await using client = await RawClient.open(running.port);
    client.write("PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 24\r\n\r\nGET /echo HTTP/1.1\r\n\r\nxx");
    await client.received('"code":"method_not_allowed"}');
    client.write("GET /works HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.received("still here");
    expect(client.text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 405", "HTTP/1.1 200"]);
  });
});
