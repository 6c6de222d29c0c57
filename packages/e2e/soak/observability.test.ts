import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { eventually, HttpClient, NativeClient, NatsServer, PusherClient, TestEndpoint } from "@carillon/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import WebSocket from "ws";
import { CarillonProcess } from "../test/support/carillon-process.ts";
import { writeConfig } from "../test/support/config-file.ts";
import { RULES_PATH, writtenDashboards } from "../test/support/dashboard-files.ts";
import { NatsExporter } from "../test/support/nats-exporter.ts";
import { Prometheus, prometheusPath } from "../test/support/prometheus.ts";

const configFor = (endpoint: string) => `
apps:
  - id: "1001"
    key: app-key
    secrets: [app-secret]
    publishSecret: guide-secret
    webhooks: [{ url: "${endpoint}", allowPrivateNetwork: true }]
gateway: { drain: { delaySeconds: 0, spreadSeconds: 1 } }
channels:
  - { match: "orders-*", history: { messages: 100, maxAge: 1h } }
`;

/** How long Prometheus may take to see something that scrapes every second. */
const SEEN = { timeoutMs: 40_000 };
const CROWD = 20;

/**
 * The alerts as they are, with shorter times and a smaller crowd: what takes minutes to fire is proven with these times by
 * `promtool test rules` (observability-files.test.ts).
 */
function hastyRules(): string {
  return readFileSync(RULES_PATH, "utf8")
    .replaceAll("offset 5m", "offset 15s")
    .replaceAll(/for: \d+m/g, "for: 1s")
    .replaceAll("[5m]", "[10s]")
    .replaceAll(">= 100\n", `>= ${CROWD}\n`);
}

const hostOf = (url: string) => new URL(url).host;

let endpoint: TestEndpoint;
let nats: NatsServer;
let exporter: NatsExporter;
let processes: Record<"first" | "second" | "publisher" | "worker", CarillonProcess>;
let prometheus: Prometheus;
let traffic: NodeJS.Timeout;

beforeAll(async () => {
  endpoint = await TestEndpoint.start();
  nats = await NatsServer.start({ jetStream: true });
  exporter = await NatsExporter.start(nats);
  const args = ["--config", await writeConfig(configFor(endpoint.url)), "--nats", nats.url];
  // One after the other: four at once take too long to be ready on a busy machine.
  const first = await CarillonProcess.start("gateway", args);
  const second = await CarillonProcess.start("gateway", args);
  const publisher = await CarillonProcess.start("publisher", args);
  const worker = await CarillonProcess.start("webhooks", args);
  processes = { first, second, publisher, worker };
  prometheus = await Prometheus.start(
    {
      "carillon-gateway": [hostOf(first.adminUrl), hostOf(second.adminUrl)],
      "carillon-publisher": [hostOf(publisher.adminUrl)],
      "carillon-webhooks": [hostOf(worker.adminUrl)],
      nats: [exporter.target],
    },
    hastyRules(),
  );
});

afterAll(async () => {
  clearInterval(traffic);
  await prometheus?.[Symbol.asyncDispose]();
  await Promise.all(Object.values(processes ?? {}).map((each) => each[Symbol.asyncDispose]()));
  await exporter?.[Symbol.asyncDispose]();
  await nats?.stop();
  await endpoint?.[Symbol.asyncDispose]();
});

/** A bit of everything, again and again: rates want counters that rise. */
async function makeTraffic(): Promise<void> {
  const { first, second, publisher } = processes;
  await publisher.publish({ channel: "news", event: "e", payload: 1 });
  await publisher.publish({ channel: "orders-1", event: "e", payload: 1, id: "always-the-same" });
  await publisher.publish({ channel: "news", event: "e", payload: 1 }, "a wrong secret");
  const client = await NativeClient.open(first.webSocketUrl);
  await client.subscribe(`visit-${client.connectionId}`);
  await client.request({ type: "subscribe", id: 77, channel: "private-x" }).catch(() => undefined);
  await client.request({ type: "subscribe", id: 78, channel: "orders-1", recover: "other:1" });
  await client.close();
  await new Promise<void>((resolve) => {
    const lost = new WebSocket(`${second.webSocketUrl}/nowhere`);
    lost.on("error", () => resolve());
  });
}

/** How many processes an alert fires for. */
async function firingFor(alert: string): Promise<number> {
  return (await prometheus.query(`ALERTS{alertname="${alert}",alertstate="firing"}`)).length;
}

test("metrics › promtool finds nothing to mend in what any of the processes tells", async () => {
  for (const [name, { adminUrl }] of Object.entries(processes)) {
    const input = await (await fetch(`${adminUrl}/metrics`)).text();
    expect(execFileSync(prometheusPath("promtool"), ["check", "metrics"], { input, encoding: "utf8" }), name).toBe("");
  }
});

test("dashboards › every expression gives data in a real Prometheus that scrapes a real cluster", async () => {
  const { first, second } = processes;
  const clients = await Promise.all([
    NativeClient.open(first.webSocketUrl),
    NativeClient.open(second.webSocketUrl),
    HttpClient.open(first.url, { transport: "poll" }),
  ]);
  for (const client of clients) for (const channel of ["news", "orders-1"]) await client.subscribe(channel);
  const pusher = await PusherClient.open(`${second.webSocketUrl.replace(/\/ws$/, "")}/app/app-key?protocol=7`);
  await pusher.subscribe("news");
  traffic = setInterval(() => void makeTraffic().catch(() => undefined), 500);
  const expressions = writtenDashboards().flatMap(({ file, panels }) =>
    panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({
        where: `${file}: ${title}: ${expr}`,
        expr: expr.replaceAll(/\$(namespace|instance|app)\b/g, ".*").replaceAll("$__rate_interval", "1m"),
      })),
    ),
  );
  expect(expressions.length).toBeGreaterThan(100);
  await eventually(
    async () => {
      const empty: string[] = [];
      for (const { where, expr } of expressions) {
        const samples = await prometheus.query(expr);
        // A quantile, or a share, of nothing is no data either.
        if (!samples.some(({ value }) => !Number.isNaN(value))) empty.push(where);
      }
      expect(empty).toEqual([]);
    },
    { timeoutMs: 90_000 },
  );
  clearInterval(traffic);
  await Promise.all(clients.map((client) => client.close()));
  await pusher[Symbol.asyncDispose]();
});

test("alerts › NATS away fires for every process, and is over when it is back", async () => {
  await eventually(async () => expect(await prometheus.firing()).not.toContain("CarillonNatsDisconnected"), SEEN);
  await nats.kill();
  await eventually(async () => expect(await firingFor("CarillonNatsDisconnected")).toBe(4), SEEN);
  await nats.restart();
  await eventually(async () => expect(await prometheus.firing()).not.toContain("CarillonNatsDisconnected"), SEEN);
});

test("alerts › a killed gateway fires, with the loss of its clients; the loss is over when they are back", async () => {
  const { first, second } = processes;
  const crowd = await Promise.all(Array.from({ length: CROWD }, () => NativeClient.open(first.webSocketUrl)));
  const connections = () =>
    prometheus.query(`sum(carillon_connections) >= ${CROWD} and sum(carillon_connections offset 15s) >= ${CROWD}`);
  await eventually(async () => expect(await connections()).toHaveLength(1), SEEN);
  await first.kill();
  await eventually(
    async () =>
      expect(await prometheus.firing()).toEqual(
        expect.arrayContaining(["CarillonMassDisconnect", "CarillonTargetDown"]),
      ),
    SEEN,
  );
  const back = await Promise.all(crowd.map(() => NativeClient.open(second.webSocketUrl)));
  await eventually(async () => expect(await prometheus.firing()).not.toContain("CarillonMassDisconnect"), SEEN);
  // The process is still away, and that is still told.
  expect(await prometheus.firing()).toContain("CarillonTargetDown");
  await Promise.all(back.map((client) => client.close()));
});
