import { describe, expect, test } from "vitest";
import type { HttpAnswer, HttpHandler } from "../../src/http/http-types.ts";
import { RawClient, StepClock, startServer, until } from "./support.ts";

const fail: Record<string, HttpHandler> = {
  "throws before it awaits": () => {
    throw new Error("sync");
  },
  "throws something that isn't an Error": () => {
    throw null;
  },
  "rejects after it awaited": async () => {
    await new Promise((resolve) => setImmediate(resolve));
    throw new Error("async");
  },
  "rejects after it read the body": async (request) => {
    await request.body(100);
    throw new Error("async");
  },
  "answers nothing": () => undefined as unknown as HttpAnswer,
  "resolves with nothing": async () => undefined as unknown as HttpAnswer,
  "answers with a status that isn't one": () => ({ status: 99 }),
  "lets a line break into a header": async () => ({ status: 200, headers: { location: "/\r\nset-cookie: a=b" } }),
  "reads the body twice": async (request) => {
    await Promise.all([request.body(100), request.body(100)]);
    return { status: 200 };
  },
  "reads the body after it awaited": async (request) => {
    await new Promise((resolve) => setImmediate(resolve));
    await request.body(100);
    return { status: 200 };
  },
};

describe("a handler that fails", () => {
  test.each(Object.entries(fail))("%s: one 500, one log line, and the connection goes on", async (_name, handle) => {
    await using running = await startServer((server) => {
      server.route({ method: "POST", path: "/fails", handle });
      server.route({ method: "GET", path: "/works", handle: () => ({ status: 200, body: "still here" }) });
    });
    await using client = await RawClient.open(running.port);
    client.write("POST /fails HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
    await client.received('"code":"internal_error"}');
    client.write("GET /works HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.received("still here");
    expect(client.text.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 500", "HTTP/1.1 200"]);
    expect(client.text).not.toMatch(/set-cookie|sync/);
    expect(running.loggedEvents()).toEqual(["http_handler_failed"]);
  });

  test("what it threw is not told to the client", async () => {
    await using running = await startServer((server) => {
      server.route({
        method: "GET",
        path: "/",
        handle: () => {
          throw new Error("password is swordfish");
        },
      });
    });
    expect(await (await fetch(running.url)).text()).not.toContain("swordfish");
  });
});

describe("a handler that takes too long", () => {
  test("is answered for with one 500, and its own late answer is left out", async () => {
    const clock = new StepClock();
    let answer: (answer: HttpAnswer) => void = () => undefined;
    let isCalled = false;
    await using running = await startServer(
      (server) => {
        const handle = () => {
          isCalled = true;
          return new Promise<HttpAnswer>((resolve) => {
            answer = resolve;
          });
        };
        server.route({ method: "GET", path: "/slow", handle });
        server.route({ method: "GET", path: "/works", handle: () => ({ status: 200, body: "still here" }) });
      },
      { clock },
    );
    await using client = await RawClient.open(running.port);
    client.write("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    await until(() => isCalled);
    clock.step(4);
    expect(client.text).toBe("");
    clock.step(1);
    await client.received('"code":"internal_error"}');
    answer({ status: 200, body: "too late" });
    client.write("GET /works HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.received("still here");
    expect(client.text).not.toContain("too late");
    expect(running.loggedEvents()).toEqual(["http_handler_timeout"]);
  });

  test("because the body doesn't come: 408, and the connection closes", async () => {
    const clock = new StepClock();
    let outcome = "";
    await using running = await startServer(
      (server) => {
        server.route({
          method: "POST",
          path: "/",
          handle: async (request) => {
            const reading = request.body(100);
            outcome = "reading";
            outcome = (await reading).kind;
            return { status: 200 };
          },
        });
      },
      { clock },
    );
    await using client = await RawClient.open(running.port);
    client.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf");
    await until(() => outcome === "reading");
    clock.step(5);
    await client.closed();
    expect(client.text).toMatch(/^HTTP\/1\.1 408 /);
    expect(client.text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    await until(() => outcome === "aborted");
    expect(running.loggedEvents()).toEqual([]);
  });
});

describe("a client that leaves", () => {
  test("while its answer is made: the answer goes nowhere and nothing breaks", async () => {
    let answer: (answer: HttpAnswer) => void = () => undefined;
    let isCalled = false;
    await using running = await startServer((server) => {
      const handle = () => {
        isCalled = true;
        return new Promise<HttpAnswer>((resolve) => {
          answer = resolve;
        });
      };
      server.route({ method: "GET", path: "/slow", handle });
      server.route({ method: "GET", path: "/works", handle: () => ({ status: 200, body: "still here" }) });
    });
    const client = await RawClient.open(running.port);
    client.write("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    await until(() => isCalled);
    await client[Symbol.asyncDispose]();
    // By the time a later connection is answered, the server has seen the earlier one close.
    expect(await (await fetch(`${running.url}/works`)).text()).toBe("still here");
    answer({ status: 200, body: "nobody reads this" });
    expect(await (await fetch(`${running.url}/works`)).text()).toBe("still here");
    expect(running.loggedEvents()).toEqual([]);
  });

  test("its address is empty when it was never asked for before", async () => {
    let address = "unknown";
    let hasLeft = false;
    await using running = await startServer((server) => {
      server.route({
        method: "POST",
        path: "/",
        handle: async (request) => {
          hasLeft = (await request.body(100)).kind === "aborted";
          address = request.remoteAddress;
          return { status: 200 };
        },
      });
    });
    const client = await RawClient.open(running.port);
    client.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf");
    await client[Symbol.asyncDispose]();
    await until(() => hasLeft);
    expect(address).toBe("");
  });
});
