import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const run = promisify(execFile);
const ENSURE = fileURLToPath(new URL("../../packages/testkit/tools/ensure-k6-sse.mjs", import.meta.url));

/** Tells a server all that it was told of a stream: each call of a handler, its arguments behind its name. */
const SCRIPT = `
import http from "k6/http";
import { EventStream } from "k6/x/event-stream";

export const options = { scenarios: { once: { executor: "per-vu-iterations", vus: 1, iterations: 1, maxDuration: "20s" } } };

export default function () {
  const told = [];
  const stream = new EventStream(__ENV.STREAM, {
    opened: () => told.push(["opened"]),
    event: (name, data, id, readAtMs) => {
      told.push(["event", name, data, id, Math.abs(Date.now() - readAtMs) < 10000]);
      if (data === "close") {
        stream.close();
        http.post(__ENV.TELL, JSON.stringify(told));
      }
    },
    ended: (status, reason) => {
      told.push(["ended", status, reason !== ""]);
      http.post(__ENV.TELL, JSON.stringify(told));
    },
  });
}
`;

let folder: string;
let binary: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "carillon-event-stream-"));
  binary = (await run(process.execPath, [ENSURE])).stdout.trim();
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

type Answer = (response: ServerResponse) => void | Promise<void>;

/** What a script tells its server, which answers a stream by `answer`. */
async function told(answer: Answer, script = SCRIPT): Promise<unknown> {
  let heard: unknown = null;
  const server = createServer(async (request, response) => {
    if (request.method === "GET") {
      await answer(response);
      return;
    }
    let body = "";
    for await (const chunk of request) body += String(chunk);
    heard = JSON.parse(body);
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const path = join(folder, "script.js");
  await writeFile(path, script);
  try {
    const env = { ...process.env, STREAM: `${url}/stream`, TELL: `${url}/tell` };
    await run(binary, ["run", "--quiet", "--no-usage-report", "--address", "127.0.0.1:0", path], { env });
    return heard;
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const HEAD = { "content-type": "text/event-stream" };

describe("the extension of k6 that reads event streams", () => {
  test("reads what a stream may have, whatever it is cut into", async () => {
    const text = [
      "retry: 1000\nid: 0:S\nevent: session\ndata: {}\n\n",
      ":\n\n: a comment\n\n",
      'id: 1:S\ndata: {"a":\ndata: "é"}\n\n',
      "data:no blank\r\nunknown: field\r\n\r\n",
      "data\n\n",
      "event: nothing\n\n",
      `id: 2:S\ndata: ${"x".repeat(100_000)}\n\n`,
      "id: 3:S\ndata: not complete\n",
    ].join("");
    const bytes = Buffer.from(text);
    const heard = await told(async (response) => {
      response.writeHead(200, HEAD);
      // Byte by byte, each written by itself, up to where that would take long.
      for (let at = 0; at < 250; at++) await new Promise((done) => response.write(bytes.subarray(at, at + 1), done));
      response.end(bytes.subarray(250));
    });
    expect(heard).toEqual([
      ["opened"],
      ["event", "session", "{}", "0:S", true],
      ["event", "message", '{"a":\n"é"}', "1:S", true],
      ["event", "message", "no blank", "1:S", true],
      ["event", "message", "", "1:S", true],
      ["event", "message", "x".repeat(100_000), "2:S", true],
      ["ended", 200, true],
    ]);
  });

  test("tells nothing once it was closed, though more is there", async () => {
    const heard = await told((response) => {
      response.writeHead(200, HEAD);
      response.write("data: close\n\ndata: more\n\n");
    });
    expect(heard).toEqual([["opened"], ["event", "message", "close", "", true]]);
  });

  test("tells of an answer that is no stream, and of none", async () => {
    expect(await told((response) => void response.writeHead(410, HEAD).end("data: x\n\n"))).toEqual([
      ["ended", 410, true],
    ]);
    expect(await told((response) => void response.destroy())).toEqual([["ended", 0, true]]);
  });

  test("tells of a connection that is cut in the middle", async () => {
    const heard = await told(async (response) => {
      response.writeHead(200, HEAD);
      await new Promise((done) => response.write("data: first\n\ndata: sec", done));
      response.destroy();
    });
    expect(heard).toEqual([["opened"], ["event", "message", "first", "", true], ["ended", 200, true]]);
  });

  test.each([
    ["new EventStream('http://127.0.0.1:1')", "an EventStream needs an object with opened(), event() or ended()"],
    ["new EventStream('http://127.0.0.1:1', { event: 1 })", "event of an EventStream has to be a function"],
    ["new EventStream('http://[', {})", "an EventStream needs an address, http:// or https://"],
    ["new EventStream('ws://127.0.0.1:1', {})", "an EventStream needs an address, http:// or https://"],
  ])("%s throws, and says what it needs", async (call, sentence) => {
    const script = `
      import http from "k6/http";
      import { EventStream } from "k6/x/event-stream";
      export default function () {
        let said = "nothing";
        try { ${call}; } catch (error) { said = String(error); }
        http.post(__ENV.TELL, JSON.stringify(said));
      }`;
    expect(await told((response) => void response.end(), script)).toContain(sentence);
  });
});
