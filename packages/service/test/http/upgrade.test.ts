import { describe, expect, test } from "vitest";
import type { PublicServer, UpgradeDecision, UpgradeRequest, WebSocketEndpoint } from "../../src/http/http-types.ts";
import { problem } from "../../src/http/problem.ts";
import { RawClient, refusedUpgrade, SocketClient, startServer, until, upgradeHead } from "./support.ts";

const quiet = { onFrame: () => undefined, onClose: () => undefined };

function serve(server: PublicServer, decide: WebSocketEndpoint["decide"], paths: readonly string[] = []): void {
  server.webSocket({ paths, decide, maxFrameBytes: 1000, maxBackpressureBytes: 100_000, idleTimeoutSeconds: 60 });
}

const acceptAll = (): UpgradeDecision => ({ kind: "accept", open: () => quiet });

describe("upgrade", () => {
  test("is decided on with path, query, origin and subprotocols", async () => {
    const asked: UpgradeRequest[] = [];
    await using running = await startServer((server) => {
      serve(server, (request) => {
        asked.push(request);
        return { kind: "accept", subprotocol: "two", open: () => quiet };
      });
    });
    await using client = await SocketClient.open(running.port, "/app/key?protocol=7", {
      protocols: ["one", "two"],
      origin: "https://example.com",
      headers: { "x-forwarded-for": "9.9.9.9" },
    });
    expect(client.socket.protocol).toBe("two");
    expect(asked).toEqual([
      {
        path: "/app/key",
        query: "protocol=7",
        origin: "https://example.com",
        subprotocols: ["one", "two"],
      },
    ]);
  });

  test("without an origin, a query or subprotocols shows them as empty", async () => {
    const asked: UpgradeRequest[] = [];
    await using running = await startServer((server) => {
      serve(server, (request) => {
        asked.push(request);
        return acceptAll();
      });
    });
    await using client = await SocketClient.open(running.port, "/");
    expect(client.socket.protocol).toBe("");
    expect(asked).toMatchObject([{ query: "", origin: "", subprotocols: [] }]);
  });

  test("that is refused gets the answer, and the connection closes", async () => {
    await using running = await startServer((server) => {
      serve(server, () => ({
        kind: "refuse",
        answer: problem("overloaded", "Try another node.", { "retry-after": "1" }),
      }));
    });
    expect(await refusedUpgrade(running.port, "/")).toEqual({
      status: 503,
      connection: "close",
      type: "application/problem+json",
      body: {
        type: "urn:carillon:error:overloaded",
        title: "This node is at its limit",
        status: 503,
        detail: "Try another node.",
        code: "overloaded",
      },
    });
    await using client = await RawClient.open(running.port);
    client.write(upgradeHead("/"));
    await client.closed();
    expect(running.server.openSockets).toBe(0);
  });

  test("past a cap that the decision keeps is refused, and let in again when there is room", async () => {
    await using running = await startServer((server) => {
      const full: UpgradeDecision = { kind: "refuse", answer: problem("overloaded", "Try another node.") };
      serve(server, () => (server.openSockets < 2 ? acceptAll() : full));
    });
    await using first = await SocketClient.open(running.port);
    await using _second = await SocketClient.open(running.port);
    expect((await refusedUpgrade(running.port, "/")).status).toBe(503);
    first.socket.close();
    await until(() => running.server.openSockets === 1);
    await using third = await SocketClient.open(running.port);
    expect(third.closeCode).toBeNull();
  });

  test.each<[string, WebSocketEndpoint["decide"]]>([
    [
      "throws",
      () => {
        throw new Error("decide");
      },
    ],
    ["accepts a subprotocol that wasn't offered", () => ({ kind: "accept", subprotocol: "other", open: () => quiet })],
    ["refuses with a status that isn't one", () => ({ kind: "refuse", answer: { status: 0 } })],
  ])("whose decision %s is answered with 500, and the next is decided on", async (_name, decide) => {
    let calls = 0;
    await using running = await startServer((server) => {
      serve(server, (request) => {
        calls += 1;
        return calls === 1 ? decide(request) : acceptAll();
      });
    });
    expect(await refusedUpgrade(running.port, "/")).toMatchObject({ status: 500, connection: "close" });
    expect(running.loggedEvents()).toEqual(["upgrade_failed"]);
    await using client = await SocketClient.open(running.port);
    expect(client.closeCode).toBeNull();
  });

  test("of another version of the protocol is answered with 426", async () => {
    await using running = await startServer((server) => serve(server, acceptAll));
    await using client = await RawClient.open(running.port);
    client.write(upgradeHead("/").replace("Version: 13", "Version: 8"));
    await client.closed();
    expect(client.text).toMatch(/^HTTP\/1\.1 426 Upgrade Required\r\n/);
    expect(client.text).toContain("sec-websocket-version: 13\r\n");
  });

  test("of a client that is gone by then leaves nothing open", async () => {
    const closed: number[] = [];
    await using running = await startServer((server) => {
      serve(server, () => ({
        kind: "accept",
        open: (socket) => {
          socket.write("welcome", false);
          return { onFrame: () => undefined, onClose: (code) => void closed.push(code) };
        },
      }));
    });
    for (let index = 0; index < 20; index += 1) {
      const client = await RawClient.open(running.port);
      client.write(upgradeHead("/"));
      client.socket.resetAndDestroy();
      await client.closed();
    }
    await using last = await SocketClient.open(running.port);
    expect(await last.received(1)).toEqual(["welcome"]);
    await until(() => running.server.openSockets === 1);
    expect(closed.every((code) => code === 1006)).toBe(true);
  });

  test("of 500 clients at once opens 500 sockets", async () => {
    let opened = 0;
    await using running = await startServer((server) => {
      serve(server, () => ({
        kind: "accept",
        open: (socket) => {
          opened += 1;
          socket.write(`welcome ${opened}`, false);
          return quiet;
        },
      }));
    });
    await using stack = new AsyncDisposableStackOf<SocketClient>();
    const clients = await Promise.all(
      Array.from({ length: 500 }, async () => stack.use(await SocketClient.open(running.port))),
    );
    for (const client of clients) await client.received(1);
    expect(new Set(clients.flatMap((client) => client.frames)).size).toBe(500);
    expect(running.server.openSockets).toBe(500);
  });
});

describe("a plain GET on a WebSocket path", () => {
  test("is answered with 426 and what to do", async () => {
    await using running = await startServer((server) => serve(server, acceptAll, ["/ws", "/app/:key"]));
    for (const path of ["/ws", "/app/some-key"]) {
      const response = await fetch(running.url + path);
      expect([response.status, response.headers.get("upgrade")]).toEqual([426, "websocket"]);
      expect(await response.json()).toMatchObject({
        code: "upgrade_required",
        detail: expect.stringContaining("ws://"),
      });
    }
    expect((await fetch(`${running.url}/ws`, { method: "POST" })).status).toBe(405);
    expect((await fetch(`${running.url}/other`)).status).toBe(404);
  });

  test("goes to the path's own GET route, if it has one, and upgrades don't", async () => {
    await using running = await startServer((server) => {
      server.route({ method: "GET", path: "/", handle: () => ({ status: 200, body: "the page" }) });
      serve(server, acceptAll, ["/"]);
    });
    expect(await (await fetch(running.url)).text()).toBe("the page");
    await using client = await SocketClient.open(running.port, "/");
    expect(client.closeCode).toBeNull();
  });
});

/** Disposes of what it was given, all at once. */
class AsyncDisposableStackOf<T extends AsyncDisposable> implements AsyncDisposable {
  readonly #items: T[] = [];

  use(item: T): T {
    this.#items.push(item);
    return item;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#items.map((item) => item[Symbol.asyncDispose]()));
  }
}
