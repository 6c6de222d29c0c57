import { describe, expect, test } from "vitest";
import type { HttpStream } from "../../src/http/http-types.ts";
import { RawClient, startServer, until } from "./support.ts";

const GET = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";
const HEADERS = { "content-type": "text/event-stream" };
const CHUNK_BYTES = 10_000;

/** A numbered chunk. */
const chunk = (index: number) => `${String(index).padStart(CHUNK_BYTES - 1, ".")}\n`;

/** The numbers of the chunks in a chunked body. */
const numbersIn = (text: string) => [...text.matchAll(/\.(\d+)\n/g)].map(([, number]) => Number(number));

interface Told {
  readonly stream: HttpStream;
  readonly events: string[];
}

async function start(onReady: (stream: HttpStream) => void = () => undefined) {
  const told: Told[] = [];
  const running = await startServer((server) => {
    server.route({
      method: "GET",
      path: "/events",
      handle: () => ({
        status: 200,
        headers: HEADERS,
        open: (stream) => {
          const events: string[] = [];
          told.push({ stream, events });
          stream.write(["hello\n"]);
          return {
            onReady: () => onReady(stream),
            onClose: () => events.push("closed"),
          };
        },
      }),
    });
  });
  return { running, told, [Symbol.asyncDispose]: () => running.server.close() };
}

describe("streamed answers", () => {
  test("go on until they are ended; the connection can then be used again", async () => {
    await using started = await start();
    await using client = await RawClient.open(started.running.port);
    client.write(GET);
    await client.received("hello\n");
    expect(client.text).toMatch(/^HTTP\/1\.1 200 OK\r\n(?=.*content-type: text\/event-stream)/is);
    const [first] = started.told;
    first?.stream.write(["one\n", "", Buffer.from("two\n")]);
    await client.received("two\n");
    first?.stream.end();
    expect(first?.events).toEqual(["closed"]);
    await client.received("0\r\n\r\n");
    first?.stream.write(["never"]);
    first?.stream.end();
    first?.stream.terminate();
    client.text = "";
    client.write(GET);
    await client.received("hello\n");
    expect(client.text).not.toContain("never");
    expect(first?.events).toEqual(["closed"]);
  });

  test("a client that goes away is told once, and nothing touches it after that", async () => {
    await using started = await start();
    const client = await RawClient.open(started.running.port);
    client.write(GET);
    await client.received("hello\n");
    await client[Symbol.asyncDispose]();
    const [first] = started.told;
    await until(() => first?.events.length === 1);
    expect(first?.stream.isOpen).toBe(false);
    first?.stream.write(["more"]);
    first?.stream.end();
    first?.stream.terminate();
    expect(first?.events).toEqual(["closed"]);
  });

  test("are cut on request", async () => {
    await using started = await start();
    await using client = await RawClient.open(started.running.port);
    client.write(GET);
    await client.received("hello\n");
    started.told[0]?.stream.terminate();
    expect(started.told[0]?.events).toEqual(["closed"]);
    await client.closed();
  });

  test("a client that stops reading makes the stream unready within a bound, and gets the rest in order once it reads", async () => {
    let written = 0;
    const fill = (stream: HttpStream) => {
      while (stream.isReady && written < 2000) stream.write([chunk(written++)]);
    };
    await using started = await start(fill);
    await using client = await RawClient.open(started.running.port);
    client.write(GET);
    await client.received("hello\n");
    client.socket.pause();
    const [first] = started.told;
    if (first === undefined) throw new Error("It isn't open.");
    fill(first.stream);
    expect(first.stream.isReady).toBe(false);
    expect(written).toBeLessThan(2000);
    client.socket.resume();
    await until(() => written === 2000 && numbersIn(client.text).length === 2000, 20_000);
    expect(numbersIn(client.text)).toEqual(Array.from({ length: 2000 }, (_, index) => index));
  });

  test("the last bytes of a client that stopped reading reach it without any further write", async () => {
    await using started = await start();
    await using client = await RawClient.open(started.running.port);
    client.write(GET);
    await client.received("hello\n");
    client.socket.pause();
    const stream = started.told[0]?.stream;
    let written = 0;
    while (stream?.isReady === true) stream.write([chunk(written++)]);
    client.socket.resume();
    await until(() => numbersIn(client.text).length === written, 5_000);
    await until(() => stream?.isReady === true);
  });

  test.each([
    ["ended", (stream: HttpStream) => stream.end()],
    ["cut", (stream: HttpStream) => stream.terminate()],
    [
      "broken by a bug",
      () => {
        throw new Error("planted");
      },
    ],
  ])("one that is %s while it begins closes, and the server goes on", async (name, act) => {
    const closes: string[] = [];
    await using running = await startServer((server) => {
      server.route({
        method: "GET",
        path: "/events",
        handle: () => ({
          status: 200,
          open: (stream) => {
            stream.write(["hello\n"]);
            act(stream);
            return { onReady: () => undefined, onClose: () => closes.push("closed") };
          },
        }),
      });
      server.route({ method: "GET", path: "/fine", handle: () => ({ status: 200, body: "fine" }) });
    });
    await using client = await RawClient.open(running.port);
    client.write(GET);
    await until(() => client.isClosed || client.text.includes("0\r\n\r\n"));
    expect(await (await fetch(`${running.url}/fine`)).text()).toBe("fine");
    expect(closes.length).toBe(name === "broken by a bug" ? 0 : 1);
  });

  test("a HEAD gets the head, and opens nothing", async () => {
    await using started = await start();
    const response = await fetch(`${started.running.url}/events`, { method: "HEAD" });
    expect([response.status, response.headers.get("content-type"), started.told.length]).toEqual([
      200,
      "text/event-stream",
      0,
    ]);
  });
});

describe("onAborted", () => {
  test("tells that the client went away before it was answered, and not when it did so after", async () => {
    const aborted: string[] = [];
    const answers: (() => void)[] = [];
    await using running = await startServer((server) => {
      server.route({
        method: "GET",
        path: "/wait",
        handle: (request) => {
          request.onAborted(() => aborted.push(request.query));
          return new Promise((resolve) => {
            answers.push(() => resolve({ status: 200, body: "here" }));
          });
        },
      });
    });
    await using patient = await RawClient.open(running.port);
    patient.write("GET /wait?patient HTTP/1.1\r\nHost: x\r\n\r\n");
    const hasty = await RawClient.open(running.port);
    hasty.write("GET /wait?hasty HTTP/1.1\r\nHost: x\r\n\r\n");
    await until(() => answers.length === 2);
    await hasty[Symbol.asyncDispose]();
    await until(() => aborted.length === 1);
    for (const answer of answers) answer();
    await patient.received("here");
    await patient[Symbol.asyncDispose]();
    expect(aborted).toEqual(["hasty"]);
  });
});
