import { describe, expect, test } from "vitest";
import { addressText } from "../../src/http/remote-address.ts";
import { exchangeUntilClose, RawClient, startServer } from "./support.ts";

describe("routes", () => {
  test("a handler sees method, path, query, declared headers and address", async () => {
    await using running = await startServer((server) => {
      server.route({
        method: "GET",
        path: "/apps/:id/events",
        headers: ["x-one", "x-absent"],
        handle: (request) => ({
          status: 200,
          body: JSON.stringify({
            method: request.method,
            path: request.path,
            query: request.query,
            headers: ["x-one", "x-absent", "x-two"].map((name) => request.header(name)),
            address: request.remoteAddress,
          }),
        }),
      });
    });
    const response = await fetch(`${running.url}/apps/a%2Fb/events?x=1&y=%20`, {
      headers: { "X-One": "1", "X-Two": "2" },
    });
    expect(await response.json()).toEqual({
      method: "GET",
      path: "/apps/a%2Fb/events",
      query: "x=1&y=%20",
      headers: ["1", "", ""],
      address: "127.0.0.1",
    });
  });

  test("a body of text arrives as UTF-8, whatever its letters", async () => {
    const texts = ["Zo\u00eb", "\u65e5\u672c", "\u{1f514} \u00e9", "plain"];
    await using running = await startServer((server) => {
      server.route({
        method: "GET",
        path: "/:index",
        handle: ({ path }) => ({ status: 200, body: texts[Number(path.slice(1))] ?? "" }),
      });
    });
    for (const [index, each] of texts.entries()) {
      const response = await fetch(`${running.url}/${index}`);
      expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from(each));
    }
  });

  test("what a handler was told can be read after it awaited", async () => {
    await using running = await startServer((server) => {
      server.route({
        method: "POST",
        path: "/late",
        headers: ["x-one"],
        handle: async (request) => {
          await request.body(10);
          await new Promise((resolve) => setImmediate(resolve));
          return { status: 200, body: [request.query, request.header("x-one"), request.remoteAddress].join(" ") };
        },
      });
    });
    const response = await fetch(`${running.url}/late?q`, { method: "POST", body: "x", headers: { "x-one": "1" } });
    expect(await response.text()).toBe("q 1 127.0.0.1");
  });

  test("an answer carries its status, headers and bytes, and no server name", async () => {
    await using running = await startServer((server) => {
      const body = new Uint8Array([0, 255, 10]);
      server.route({ method: "GET", path: "/", handle: () => ({ status: 201, headers: { "x-one": "1" }, body }) });
    });
    const response = await fetch(running.url);
    expect([response.status, response.headers.get("x-one")]).toEqual([201, "1"]);
    expect([...response.headers.keys()].sort()).toEqual(["content-length", "date", "x-one"]);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(new Uint8Array([0, 255, 10]));
  });

  test("a 204 has neither a body nor a Content-Length, also when it closes the connection", async () => {
    await using running = await startServer((server) => {
      server.route({ method: "GET", path: "/", handle: () => ({ status: 204, body: "ignored" }) });
      server.route({ method: "GET", path: "/close", handle: () => ({ status: 204, closesConnection: true }) });
    });
    await using client = await RawClient.open(running.port);
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.received("\r\n\r\n");
    expect(client.text).toMatch(/^HTTP\/1\.1 204 No Content\r\n/);
    expect(client.text).not.toMatch(/content-length|ignored/i);
    expect(await exchangeUntilClose(running.port, "GET /close HTTP/1.1\r\nHost: x\r\n\r\n")).toMatch(
      /^HTTP\/1\.1 204 /,
    );
  });

  test("an unknown path is answered with a 404 problem, whatever the method", async () => {
    await using running = await startServer((server) => {
      server.route({ method: "GET", path: "/known", handle: () => ({ status: 200 }) });
    });
    for (const method of ["GET", "POST", "PATCH"]) {
      const response = await fetch(`${running.url}/unknown?secret=1`, { method });
      expect(response.status).toBe(404);
      expect(response.headers.get("content-type")).toBe("application/problem+json");
      expect(await response.json()).toEqual({
        type: "urn:carillon:error:not_found",
        title: "There is nothing at this address",
        status: 404,
        detail: "Nothing is served at /unknown.",
        code: "not_found",
      });
    }
  });

  test("a known path with another method is answered with 405 and what it allows", async () => {
    await using running = await startServer((server) => {
      server.route({ method: "GET", path: "/both", handle: () => ({ status: 200 }) });
      server.route({ method: "POST", path: "/both", handle: () => ({ status: 200 }) });
    });
    const response = await fetch(`${running.url}/both`, { method: "DELETE" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD, POST, OPTIONS"]);
    expect(await response.json()).toMatchObject({ code: "method_not_allowed", status: 405 });
  });

  test("an API with a form of its own refuses in that form below its prefix, and nowhere else", async () => {
    await using running = await startServer((server) => {
      server.route({ method: "GET", path: "/api/:id/known", handle: () => ({ status: 200 }) });
      server.refuseUnder("/api/", ({ code }) => ({ status: 418, headers: { "x-form": "own" }, body: code }));
    });
    const answerTo = async (path: string, method: string) => {
      const response = await fetch(running.url + path, { method });
      return [response.status, response.headers.get("x-form"), response.headers.get("allow"), await response.text()];
    };
    expect(await answerTo("/api/7/other", "GET")).toEqual([418, "own", null, "not_found"]);
    expect(await answerTo("/api/7/known", "POST")).toEqual([418, "own", "GET, HEAD, OPTIONS", "method_not_allowed"]);
    expect((await answerTo("/api", "GET")).slice(0, 2)).toEqual([404, null]);
  });

  test("HEAD is answered as GET, with the length and without the body", async () => {
    await using running = await startServer((server) => {
      server.route({
        method: "GET",
        path: "/page",
        handle: ({ method }) => ({ status: 200, body: `for ${method} é` }),
      });
    });
    await using client = await RawClient.open(running.port);
    client.write("HEAD /page HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.received("\r\n\r\n");
    client.write("GET /page HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.received("for GET");
    expect(client.text).toContain("content-length: 11\r\n");
    expect(client.text).not.toContain("for HEAD");
  });

  test("OPTIONS says what is allowed, unless a route answers it", async () => {
    await using running = await startServer((server) => {
      server.route({ method: "POST", path: "/plain", handle: () => ({ status: 200 }) });
      server.route({ method: "POST", path: "/cors", handle: () => ({ status: 200 }) });
      server.route({ method: "OPTIONS", path: "/cors", handle: () => ({ status: 204, headers: { vary: "origin" } }) });
    });
    const plain = await fetch(`${running.url}/plain`, { method: "OPTIONS" });
    expect([plain.status, plain.headers.get("allow")]).toEqual([204, "POST, OPTIONS"]);
    const cors = await fetch(`${running.url}/cors`, { method: "OPTIONS" });
    expect([cors.status, cors.headers.get("vary")]).toEqual([204, "origin"]);
  });

  test("the same route can't be given twice", async () => {
    await using _running = await startServer((server) => {
      const route = { method: "GET", path: "/once", handle: () => ({ status: 200 }) } as const;
      server.route(route);
      expect(() => server.route(route)).toThrow("There is already a route for GET /once.");
    });
  });
});

describe("the client's address", () => {
  const tellAddress = {
    method: "GET",
    path: "/",
    handle: ({ remoteAddress }: { remoteAddress: string }) => ({ status: 200, body: remoteAddress }),
  } as const;

  test("is not taken from headers that a client can write", async () => {
    await using running = await startServer((server) => server.route(tellAddress));
    const headers = { "x-forwarded-for": "9.9.9.9", forwarded: "for=9.9.9.9", "x-real-ip": "9.9.9.9" };
    expect(await (await fetch(running.url, { headers })).text()).toBe("127.0.0.1");
  });

  test("is not taken from a PROXY header", async () => {
    await using running = await startServer((server) => server.route(tellAddress));
    // PROXY protocol version 2: signature, command, TCP over IPv4, length, 9.9.9.9:9 to 127.0.0.1:9.
    const proxy = Buffer.from("0d0a0d0a000d0a515549540a2111000c090909097f00000100090009", "hex");
    await using client = await RawClient.open(running.port);
    client.write(Buffer.concat([proxy, Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]));
    await client.received("127.0.0.1");
    expect(client.text).not.toContain("9.9.9.9");
  });

  test.each([
    ["7f000001", "127.0.0.1"],
    ["00000000000000000000ffff7f000001", "127.0.0.1"],
    ["00000000000000000000000000000001", "::1"],
    ["00000000000000000000000000000000", "::"],
    ["20010db8000000000000000000000001", "2001:db8::1"],
    ["20010db8000000010000000000000001", "2001:db8:0:1::1"],
    ["20010db800010001000100010001000a", "2001:db8:1:1:1:1:1:a"],
    ["fe800000000000000000000000000000", "fe80::"],
    ["20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"],
    ["", ""],
  ])("%s is written %s", (hex, text) => {
    const bytes = new Uint8Array(Buffer.from(hex, "hex"));
    expect(addressText(bytes.buffer)).toBe(text);
  });
});
