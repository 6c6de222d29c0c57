import type { LookupAddress } from "node:dns";
import { type AddressInfo, createServer } from "node:net";
import { eventually, TestEndpoint } from "@carillon/testkit";
import { describe, expect, it } from "vitest";
import type { ResolveAll } from "../src/index.ts";
import { webhookRequestOf } from "../src/webhook-request.ts";
import { WebhookSender } from "../src/webhook-sender.ts";
import { appWith, endpointAt, entry, RunningWorker } from "./support/running-worker.ts";

/** A resolver that knows one name, and counts how often it was asked. */
function names(addresses: readonly string[]): { resolve: ResolveAll; readonly asked: string[] } {
  const asked: string[] = [];
  const known: LookupAddress[] = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  const resolve: ResolveAll = (host, callback) => {
    asked.push(host);
    callback(null, known);
  };
  return { resolve, asked };
}

async function attempt(url: string, resolve: ResolveAll, allowPrivateNetwork = false) {
  const sender = new WebhookSender({ timeoutMs: 1000, resolve });
  const endpoint = endpointAt(url, { allowPrivateNetwork });
  const app = appWith(endpoint);
  const request = webhookRequestOf({ app, endpoint, entries: [entry("1")], nowMs: 0 });
  try {
    return await sender.send(endpoint, request);
  } finally {
    sender.close();
  }
}

describe("address guard", () => {
  it.each([
    "127.0.0.1",
    "[::1]",
    "10.1.2.3",
    "169.254.169.254",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "127.1",
    "0",
    "100.64.1.1",
  ])("an endpoint at http://%s/ is not connected to", async (host) => {
    await using target = await TestEndpoint.start();
    const { resolve, asked } = names(["1.1.1.1"]);
    expect(await attempt(`http://${host}:${target.port}/`, resolve)).toMatchObject({ outcome: "address_refused" });
    expect([target.requests, asked]).toEqual([[], []]);
  });

  it.each([[["127.0.0.1"]], [["1.1.1.1", "127.0.0.1"]], [["::1"]], [["10.0.0.1"]], [["::ffff:127.0.0.1"]]])(
    "a name that resolves to %j is not connected to",
    async (addresses) => {
      await using target = await TestEndpoint.start();
      const { resolve, asked } = names(addresses);
      const url = `http://rebinding.example:${target.port}/`;
      expect(await attempt(url, resolve)).toMatchObject({ outcome: "address_refused" });
      expect([target.requests, asked]).toEqual([[], ["rebinding.example"]]);
    },
  );

  it("what the resolver says later counts for nothing: the address that was looked at is the one connected to", async () => {
    await using target = await TestEndpoint.start();
    let calls = 0;
    // 192.0.2.1 is for documentation, and refused; so is what comes after it.
    const resolve: ResolveAll = (_host, callback) =>
      callback(null, [{ address: calls++ === 0 ? "192.0.2.1" : "127.0.0.1", family: 4 }]);
    const url = `http://rebinding.example:${target.port}/`;
    for (let time = 0; time < 3; time++) {
      expect(await attempt(url, resolve)).toMatchObject({ outcome: "address_refused" });
    }
    expect(target.requests).toEqual([]);
  });

  it("a name without an address is a failure like others", async () => {
    const { resolve } = names([]);
    expect(await attempt("http://nowhere.example/", resolve)).toMatchObject({ outcome: "connection" });
  });

  it("allowPrivateNetwork connects to what is not public", async () => {
    await using target = await TestEndpoint.start();
    const { resolve } = names([]);
    expect(await attempt(target.url, resolve, true)).toEqual({ outcome: "delivered", status: 200, reason: "" });
  });

  it("a refused address is tried again like any failure, as it may be a slip of the resolver's", async () => {
    const app = appWith(endpointAt("http://127.0.0.1:1/", { allowPrivateNetwork: false }));
    await using running = new RunningWorker(app);
    await running.queue.enqueue([entry("1")]);
    await eventually(() => expect(running.worker.counters.attempts.get("address_refused")).toBeGreaterThan(1));
  });

  it("an answer that switches protocols is a failure, not a wait without end", async () => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () =>
        socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    expect(await attempt(`http://127.0.0.1:${port}/`, names([]).resolve, true)).toMatchObject({
      outcome: "connection",
    });
    await new Promise((resolve) => server.close(resolve));
  });

  it("an answer without end is not read to the end", async () => {
    await using target = await TestEndpoint.start();
    let written = 0;
    const isCut = new Promise<void>((resolve) => {
      target.behave = () => (response) => {
        response.writeHead(200);
        const chunk = Buffer.alloc(65_536);
        const write = () => {
          if (response.destroyed) return;
          written += chunk.length;
          response.write(chunk, () => setImmediate(write));
        };
        response.once("close", resolve);
        write();
      };
    });
    expect(await attempt(target.url, names([]).resolve, true)).toMatchObject({ outcome: "delivered" });
    await isCut;
    expect(written).toBeLessThan(16_777_216);
  });
});
