import { RealtimeClient, type WebSocketConstructor } from "@carillon/client";
import { eventually, NativeClient, NatsServer, RoundRobinProxy, TcpProxy } from "@carillon/testkit";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { CarillonProcess } from "../support/carillon-process.ts";
import { writeConfig } from "../support/config-file.ts";

const CONFIG = `
apps: [{ id: "1001", key: app-key, secrets: [app-secret] }]
gateway:
  drain: { delaySeconds: 0, spreadSeconds: 1 }
  rebalance: { enabled: true, thresholdPercent: 20, sharePercent: 25, intervalSeconds: 1, minConnections: 5 }
`;
const CLIENTS = 60;
/** The close code with which a gateway that has more than others asks a client to come back. */
const REBALANCE = 4202;
const options = { WebSocket: WebSocket as unknown as WebSocketConstructor };

const loadsOf = (gateways: readonly CarillonProcess[]) =>
  Promise.all(gateways.map((gateway) => gateway.metric("carillon_connections")));

const drainedBy = async (gateways: readonly CarillonProcess[]) => {
  const counts = await Promise.all(gateways.map((gateway) => gateway.metric("carillon_connections_drained_total")));
  return counts.reduce((sum, count) => sum + count, 0);
};

/** Starts gateways on one NATS; all are ended with it. */
async function cluster(nats: NatsServer) {
  const args = ["--config", await writeConfig(CONFIG), "--nats", nats.url];
  const gateways: CarillonProcess[] = [];
  return {
    gateways,
    grow: async (count: number) => {
      gateways.push(
        ...(await Promise.all(Array.from({ length: count }, () => CarillonProcess.start("gateway", args)))),
      );
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(gateways.map((gateway) => gateway[Symbol.asyncDispose]()));
    },
  };
}

/** Until nobody is asked any more, as far as some intervals can show it. */
async function untilQuiet(gateways: readonly CarillonProcess[]): Promise<number> {
  let asked = -1;
  let sinceMs = performance.now();
  await eventually(
    async () => {
      const now = await drainedBy(gateways);
      if (now !== asked) sinceMs = performance.now();
      asked = now;
      expect(performance.now() - sinceMs).toBeGreaterThan(5000);
    },
    { timeoutMs: 90_000, intervalMs: 300 },
  );
  return asked;
}

test.concurrent.each([
  ["WebSockets, connection by connection", "websocket"],
  ["event streams, request by request", "sse"],
] as const)(
  "a third gateway gets its share of clients that come back by turns: %s",
  async (_how, transport) => {
    await using nats = await NatsServer.start();
    await using running = await cluster(nats);
    const { gateways, grow } = running;
    await grow(2);
    let turn = 0;
    await using connections = await TcpProxy.start({
      targetPort: () => Number(new URL(gateways[turn++ % gateways.length]?.url ?? "").port),
    });
    await using requests = await RoundRobinProxy.start(() => gateways.map(({ url }) => url));
    const host = transport === "sse" ? requests.url : `ws://127.0.0.1:${connections.port}`;
    const clients = Array.from(
      { length: CLIENTS },
      () => new RealtimeClient("app-key", { host, transports: [transport], ...options }),
    );
    try {
      for (const client of clients) client.subscribe("news");
      await eventually(async () => expect((await loadsOf(gateways)).reduce((sum, each) => sum + each)).toBe(CLIENTS));
      await grow(1);
      expect(await gateways[2]?.metric("carillon_connections")).toBe(0);
      const asked = await untilQuiet(gateways);
      await eventually(async () => {
        const loads = await loadsOf(gateways);
        expect(loads.reduce((sum, each) => sum + each)).toBe(CLIENTS);
        expect(Math.max(...loads)).toBeLessThanOrEqual(Math.ceil((CLIENTS / 3) * 1.2));
      });
      // A third has to move, and two thirds of those who are asked do; so few may be unlucky once more.
      expect(asked).toBeLessThanOrEqual(2 * CLIENTS);
      for (const client of clients) expect(client.state.status).toBe("connected");
    } finally {
      for (const client of clients) client.close();
    }
  },
  180_000,
);

test.concurrent("clients that are always brought back to the same gateway are asked once, and then let be", async () => {
  await using nats = await NatsServer.start();
  await using running = await cluster(nats);
  const { gateways, grow } = running;
  await grow(3);
  const [full, empty] = gateways as [CarillonProcess, CarillonProcess];
  // Whoever has a gateway of its own needs no load balancer.
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => sticky(full)));
  const asked = await untilQuiet(gateways);
  expect(asked).toBeGreaterThan(0);
  expect(Math.max(...clients.map(({ times }) => times()))).toBe(1);
  expect(await full.metric("carillon_connections")).toBe(CLIENTS);
  expect(await empty.metric("carillon_connections")).toBe(0);
  const metrics = await (await fetch(`${full.adminUrl}/metrics`)).text();
  expect(metrics).toMatch(/carillon_rebalance_state\{state="resting",role="gateway"\} 1/);
  for (const client of clients) client.stop();
}, 180_000);

/** A client that comes back whenever it is asked to, to where it was. */
async function sticky(gateway: CarillonProcess) {
  let asked = 0;
  let client = await NativeClient.open(gateway.webSocketUrl);
  let isOver = false;
  const follow = async () => {
    while (!isOver) {
      const { code } = await client.closed;
      if (code !== REBALANCE) return;
      asked++;
      client = await NativeClient.open(gateway.webSocketUrl);
    }
  };
  void follow();
  return {
    times: () => asked,
    stop: () => {
      isOver = true;
      client.terminate();
    },
  };
}
