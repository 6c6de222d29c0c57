import { on } from "node:events";
import { connect } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import WebSocket from "ws";
import type { ClientAddressOptions } from "../../src/http/client-address.ts";
import type { PublicServer } from "../../src/http/http-types.ts";
import { startServer, type TestServer } from "./support.ts";

const BEHIND_PROXIES: ClientAddressOptions = {
  from: "xForwardedFor",
  trustedProxies: ["127.0.0.1", "10.0.0.0/8", "fd00::/8"],
};

/** Answers with the client's address, by HTTP and as a frame; and, elsewhere, with that of the other end of the connection. */
function tellAddress(server: PublicServer): void {
  server.route({ method: "GET", path: "/", handle: ({ remoteAddress }) => ({ status: 200, body: remoteAddress }) });
  server.route({ method: "GET", path: "/peer", handle: ({ peerAddress }) => ({ status: 200, body: peerAddress }) });
  server.webSocket({
    maxFrameBytes: 1000,
    maxBackpressureBytes: 100_000,
    idleTimeoutSeconds: 60,
    decide: () => ({
      kind: "accept",
      open: (socket) => {
        socket.write(Buffer.from(socket.remoteAddress), false);
        socket.write(Buffer.from(socket.peerAddress), false);
        return { onFrame: () => undefined, onClose: () => undefined };
      },
    }),
  });
}

async function byHttp(running: TestServer, forwardedFor?: string): Promise<string> {
  const headers = forwardedFor === undefined ? {} : { "x-forwarded-for": forwardedFor };
  return (await fetch(running.url, { headers })).text();
}

/** The two frames: about the client, and about the other end. */
async function framesOf(running: TestServer, forwardedFor: string): Promise<readonly string[]> {
  const socket = new WebSocket(running.url.replace("http", "ws"), { headers: { "x-forwarded-for": forwardedFor } });
  const frames: string[] = [];
  for await (const [data] of on(socket, "message") as AsyncIterable<[Buffer]>) {
    if (frames.push(data.toString()) === 2) break;
  }
  socket.terminate();
  return frames;
}

async function byWebSocket(running: TestServer, forwardedFor: string): Promise<string> {
  return (await framesOf(running, forwardedFor))[0] ?? "";
}

/** Sends bytes as they are, and resolves with the answer's body. */
async function raw(port: number, bytes: Buffer | string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.end(bytes);
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text.slice(text.indexOf("\r\n\r\n") + 4);
}

const requestOf = (path: string) => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);

const SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);

/** A PROXY header of version 2 that speaks of a client with this IPv4 address. */
function proxyHeader(address: readonly number[]): Buffer {
  const source = Buffer.from([...address, 127, 0, 0, 1, 0x30, 0x39, 0x1f, 0x90]);
  return Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x11, 0, source.length]), source]);
}

describe("xForwardedFor", () => {
  test.each([
    ["the proxy's own, where it says nothing", undefined, "127.0.0.1"],
    ["whom the proxy was called by", "203.0.113.7", "203.0.113.7"],
    ["the last one that is no proxy", "203.0.113.7, 10.1.2.3", "203.0.113.7"],
    ["not what the client wrote itself", "198.51.100.1, 203.0.113.7", "203.0.113.7"],
    ["also where it wrote the address of a proxy", "10.9.9.9, 203.0.113.7", "203.0.113.7"],
    ["of IPv6, in its short form", "2001:0DB8:0::0001", "2001:db8::1"],
    ["of IPv4 that is written as IPv6", "::ffff:203.0.113.7", "203.0.113.7"],
    ["behind a proxy with IPv6", "203.0.113.7, fd00::5", "203.0.113.7"],
    ["the proxy, where it says what is no address", "unknown", "127.0.0.1"],
    ["the nearest proxy, where what stands before is no address", "<script>, 10.1.2.3", "10.1.2.3"],
    ["the first proxy, where all are proxies", "10.1.1.1, 10.1.1.2", "10.1.1.1"],
    ["no number that somebody reads as an address", "1", "127.0.0.1"],
  ])("%s", async (_name, header, expected) => {
    await using running = await startServer(tellAddress, { clientAddress: BEHIND_PROXIES });
    expect(await byHttp(running, header)).toBe(expected);
    if (header !== undefined) expect(await byWebSocket(running, header)).toBe(expected);
  });

  test("counts a line that a proxy added behind the client's own", async () => {
    await using running = await startServer(tellAddress, { clientAddress: BEHIND_PROXIES });
    const lines = "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.7\r\n";
    const body = await raw(running.port, `GET / HTTP/1.1\r\nHost: a\r\n${lines}Connection: close\r\n\r\n`);
    expect(body).toBe("203.0.113.7");
  });

  test("says nothing to a server that trusts somebody else, or nobody asked", async () => {
    const others = { ...BEHIND_PROXIES, trustedProxies: ["192.0.2.0/24"] };
    await using distrusting = await startServer(tellAddress, { clientAddress: others });
    expect(await byHttp(distrusting, "203.0.113.7")).toBe("127.0.0.1");
    await using plain = await startServer(tellAddress);
    expect(await byHttp(plain, "203.0.113.7")).toBe("127.0.0.1");
  });

  test("whatever stands before what the proxy wrote, the answer is what the proxy wrote", async () => {
    await using running = await startServer(tellAddress, { clientAddress: BEHIND_PROXIES });
    // Characters that fetch sends in a header as they are.
    const forged = fc.string({ unit: fc.constantFrom(..."0123456789abcdef.:,/ -"), maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(forged, async (text) => {
        expect(await byHttp(running, `${text},203.0.113.7`)).toBe("203.0.113.7");
      }),
      { numRuns: 100 },
    );
  });
});

describe("the other end of the connection", () => {
  test("is told apart from the client that a proxy speaks of, by HTTP and by WebSocket", async () => {
    await using running = await startServer(tellAddress, { clientAddress: BEHIND_PROXIES });
    const headers = { "x-forwarded-for": "203.0.113.7" };
    expect(await (await fetch(`${running.url}/peer`, { headers })).text()).toBe("127.0.0.1");
    expect(await framesOf(running, "203.0.113.7")).toEqual(["203.0.113.7", "127.0.0.1"]);
  });

  test("is the proxy's where a PROXY header speaks of a client", async () => {
    const clientAddress = { from: "proxyProtocol", trustedProxies: [] } as const;
    await using running = await startServer(tellAddress, { clientAddress });
    const header = proxyHeader([203, 0, 113, 7]);
    expect(await raw(running.port, Buffer.concat([header, requestOf("/")]))).toBe("203.0.113.7");
    expect(await raw(running.port, Buffer.concat([header, requestOf("/peer")]))).toBe("127.0.0.1");
  });
});

describe("proxyProtocol", () => {
  const request = requestOf("/");
  const addressOnly = { from: "proxyProtocol", trustedProxies: [] } as const;

  test("the address of a header of version 2 that comes together with the request", async () => {
    await using running = await startServer(tellAddress, { clientAddress: addressOnly });
    expect(await raw(running.port, Buffer.concat([proxyHeader([203, 0, 113, 7]), request]))).toBe("203.0.113.7");
  });

  test("the connection's own where no header came", async () => {
    await using running = await startServer(tellAddress, { clientAddress: addressOnly });
    expect(await raw(running.port, request)).toBe("127.0.0.1");
  });
});
