import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { RealtimeClient, type TransportName } from "@carillon/client";
import { eventually } from "@carillon/testkit";
import { historyRules } from "@carillon/testkit/gateway";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { Pair } from "./support/client.ts";

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe.each<[TransportName]>([["websocket"], ["sse"], ["poll"]])("%s", (transport) => {
  it("subscribes, hears, publishes, and is acknowledged", async () => {
    await using pair: Pair = await Pair.start(
      {},
      {
        transports: [transport],
        authorizeChannel: async ({ channel, socketId }) => pair.gateway.channelToken(socketId, channel),
      },
    );
    const { client } = pair;
    const channel = client.subscribe("private-room");
    const seen: unknown[] = [];
    channel.bind("client-n", (payload) => seen.push(payload));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    expect(client.state).toMatchObject({ status: "connected", transport });
    for (const number of range(1, 5)) await channel.publish("client-n", `Zoë\r\n${number}`, { echo: true });
    await eventually(() => expect(seen).toEqual(range(1, 5).map((number) => `Zoë\r\n${number}`)));
    client.unsubscribe("private-room");
    await eventually(() => expect(pair.gateway.gateway.subscriptions).toBe(0));
    client.close();
    await eventually(() => expect(pair.gateway.gateway.connectionsByApp.size).toBe(0));
  });

  it("N49 › breaks again and again: nothing is missed, doubled or out of order", async () => {
    await using pair = await Pair.start({ rules: historyRules("kept") }, { transports: [transport] });
    const channel = pair.client.subscribe("kept");
    const seen: unknown[] = [];
    channel.bind("tick", (number) => seen.push(number));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    for (const round of range(0, 4)) {
      for (const number of range(round * 10 + 1, round * 10 + 5)) await pair.gateway.publish("kept", "tick", number);
      pair.link.cut();
      for (const number of range(round * 10 + 6, round * 10 + 10)) await pair.gateway.publish("kept", "tick", number);
      pair.link.heal();
      await eventually(() => expect(seen).toHaveLength(round * 10 + 10));
    }
    expect(seen).toEqual(range(1, 50));
  });

  it("N39 › a final close code is final", async () => {
    await using pair = await Pair.start({}, { key: "no-such-key", transports: [transport] });
    pair.client.connect();
    await eventually(() => expect(pair.client.state.status).toBe("closed"));
    expect(pair.client.state).toMatchObject({ reason: { code: "app_unknown", closeCode: 4001 } });
  });

  it("N40 › a gateway that drains is left, and says so", async () => {
    await using pair = await Pair.start({}, { transports: [transport] });
    const closeCodes: unknown[] = [];
    pair.client.on("state", (state) => {
      if (state.status === "waiting") closeCodes.push(state.reason.closeCode);
    });
    pair.client.connect();
    await eventually(() => expect(pair.client.state.status).toBe("connected"));
    void pair.gateway.gateway.drain(0);
    await eventually(() => expect(closeCodes[0]).toBe(4200));
  });
});

/** A proxy as some hotels have it: what it does not understand it breaks. */
async function hotelProxy(to: string, { breaksStreams = false } = {}) {
  const target = new URL(to);
  const server = createServer((incoming, outgoing) => {
    const { method = "GET", url = "/", headers } = incoming;
    const asked = { host: target.hostname, port: target.port, method, path: url, headers };
    const forwarded = request(asked, (response) => {
      outgoing.writeHead(response.statusCode ?? 500, response.headers);
      // Held back until it is whole, which an event stream never is.
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => (breaksStreams ? chunks.push(chunk) : outgoing.write(chunk)));
      response.on("end", () => outgoing.end(Buffer.concat(chunks)));
    });
    forwarded.on("error", () => outgoing.destroy());
    outgoing.on("close", () => forwarded.destroy());
    incoming.pipe(forwarded);
  });
  // No "upgrade" listener: Node answers as if it had been a plain request.
  let upgrades = 0;
  server.on("request", ({ headers }) => {
    if (headers.upgrade !== undefined) upgrades++;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** WebSockets that were tried. */
    get upgrades() {
      return upgrades;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** By what a client has connected, one after the other. */
function transportsOf(client: RealtimeClient): TransportName[] {
  const transports: TransportName[] = [];
  client.on("state", (state) => {
    if (state.status === "connected") transports.push(state.transport);
  });
  return transports;
}

describe("fallback", () => {
  const options = { WebSocket: WebSocket as never, minReconnectDelayMs: 20, connectTimeoutMs: 1000 };

  it("where WebSockets don't get through, an event stream does", async () => {
    await using pair = await Pair.start();
    await using proxy = await hotelProxy(pair.gateway.url);
    await using client = new RealtimeClient("app-key", { host: proxy.url, ...options });
    let triedBefore = Number.POSITIVE_INFINITY;
    client.on("state", ({ status }) => {
      if (status === "connected") triedBefore = proxy.upgrades;
    });
    const transports = transportsOf(client);
    const channel = client.subscribe("news");
    const seen: unknown[] = [];
    channel.bind("tick", (number) => seen.push(number));
    await eventually(() => expect(client.state).toMatchObject({ status: "connected", transport: "sse" }));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    // One more is tried beside the stream, and changes nothing.
    await eventually(() => expect(proxy.upgrades).toBeGreaterThan(triedBefore));
    await pair.gateway.publish("news", "tick", 1);
    await eventually(() => expect(seen).toEqual([1]));
    expect(transports).toEqual(["sse"]);
  });

  it("where streams are held back too, polls do", async () => {
    await using pair = await Pair.start();
    await using proxy = await hotelProxy(pair.gateway.url, { breaksStreams: true });
    await using client = new RealtimeClient("app-key", { host: proxy.url, ...options });
    const channel = client.subscribe("news");
    const seen: unknown[] = [];
    channel.bind("tick", (number) => seen.push(number));
    await eventually(() => expect(client.state).toMatchObject({ status: "connected", transport: "poll" }));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    for (const number of range(1, 20)) await pair.gateway.publish("news", "tick", number);
    await eventually(() => expect(seen).toEqual(range(1, 20)));
  });

  it("a gateway that restarts is found again by the transport that has worked", async () => {
    await using pair = await Pair.start();
    const { client } = pair;
    const transports = transportsOf(client);
    client.connect();
    await eventually(() => expect(transports).toEqual(["websocket"]));
    await pair.interrupt(() => eventually(() => expect(client.state).toMatchObject({ status: "waiting", attempt: 6 })));
    await eventually(() => expect(transports).toHaveLength(2));
    expect(transports).toEqual(["websocket", "websocket"]);
  });

  it("who came by a lesser one, since the gateway was just being restarted, is back at the best one at once", async () => {
    await using pair = await Pair.start();
    const { client } = pair;
    pair.link.cut();
    const transports = transportsOf(client);
    const channel = client.subscribe("news");
    await eventually(() => expect(client.state).toMatchObject({ status: "waiting", attempt: 2 }));
    pair.link.heal();
    await eventually(() => expect(transports).toEqual(["sse", "websocket"]));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    // The connections of before, and beside, have ended.
    await eventually(() => expect([...pair.gateway.gateway.connectionsByApp.values()]).toEqual([1]));
  });

  it("who goes over to a better one recovers, and is told a gap where there is no history", async () => {
    let letThrough: () => void = () => undefined;
    const isLetThrough = new Promise<void>((resolve) => {
      letThrough = resolve;
    });
    /** Says nothing until it may. */
    class HeldUp extends WebSocket {
      override emit(event: string, ...values: unknown[]): boolean {
        if (event !== "message") return super.emit(event, ...values);
        void isLetThrough.then(() => super.emit(event, ...values));
        return true;
      }
    }
    await using pair = await Pair.start({ rules: historyRules("kept") }, { WebSocket: HeldUp as never });
    const { client, gateway } = pair;
    pair.link.cut();
    const transports = transportsOf(client);
    const seen: unknown[] = [];
    for (const name of ["kept", "news"]) {
      const channel = client.subscribe(name);
      channel.bind("tick", (number) => seen.push(`${name} ${number}`));
      channel.on("gap", ({ reason }) => seen.push(`${name} ${reason}`));
      channel.on("subscribed", ({ wasRecovered }) => seen.push(`${name} ${wasRecovered}`));
    }
    await eventually(() => expect(client.state).toMatchObject({ status: "waiting", attempt: 2 }));
    pair.link.heal();
    await eventually(() => expect(seen).toEqual(["kept false", "news false"]));
    for (const name of ["kept", "news"]) await gateway.publish(name, "tick", 1);
    await eventually(() => expect(seen).toHaveLength(4));
    letThrough();
    await eventually(() => expect(seen).toHaveLength(7));
    for (const name of ["kept", "news"]) await gateway.publish(name, "tick", 2);
    await eventually(() => expect(seen).toHaveLength(9));
    expect(seen.slice(2)).toEqual([
      "kept 1",
      "news 1",
      "kept true",
      "news false",
      "news no_history",
      "kept 2",
      "news 2",
    ]);
    expect(transports).toEqual(["sse", "websocket"]);
  });

  it("where something else answers with pages, as where host is that of the application, it is not asked in a loop", async () => {
    let streams = 0;
    const server = createServer(({ url }, response) => {
      if (url?.startsWith("/sse")) streams++;
      response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await using client = new RealtimeClient("app-key", { host, ...options, transports: ["sse"] });
    client.connect();
    await eventually(() => expect(client.state).toMatchObject({ status: "waiting", attempt: 3 }));
    expect(streams).toBe(3);
    client.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it("a server that is away is no reason to give a transport up", async () => {
    await using pair = await Pair.start();
    pair.link.cut();
    const tried = new Set<string>();
    pair.client.on("state", ({ status }) => tried.add(status));
    pair.client.connect();
    await eventually(() => expect(pair.client.state).toMatchObject({ status: "waiting", attempt: 8 }));
    pair.link.heal();
    await eventually(() => expect(pair.client.state.status).toBe("connected"));
  });
});
