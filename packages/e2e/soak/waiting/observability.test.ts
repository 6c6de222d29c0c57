import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually, HttpClient, NativeClient, NatsServer, PusherClient, TestEndpoint } from "@carillon/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import WebSocket from "ws";
import { drawDashboard } from "../../dashboards/pictures/dashboard-page.ts";
import { dashboardsIn } from "../../dashboards/pictures/grafana-dashboard.ts";
import { PrometheusSource } from "../../dashboards/pictures/prometheus-source.ts";
import { choose, interpolate } from "../../dashboards/pictures/variables.ts";
import { NatsExporter } from "../../local/nats-exporter.ts";
import { CarillonProcess } from "../../test/support/carillon-process.ts";
import { writeConfig } from "../../test/support/config-file.ts";
import { DASHBOARDS_PATH, RULES_PATH } from "../../test/support/dashboard-files.ts";
import { Prometheus, prometheusPath } from "../../test/support/prometheus.ts";

const configFor = (endpoint: string, admission = "{}") => `
apps:
  - id: "1001"
    key: app-key
    secrets: [app-secret]
    publishSecret: guide-secret
    webhooks: [{ url: "${endpoint}", allowPrivateNetwork: true }]
gateway:
  drain: { delaySeconds: 10, spreadSeconds: 1 }
  # It has a state that dashboards show, and nothing to do.
  rebalance: { enabled: true, minConnections: 1000000 }
  admission: ${admission}
  maxBackpressureBytes: 80KiB
  maxFrameBytes: 64KiB
# One attempt, so that what fails is given up at once.
webhooks: { retry: { horizonSeconds: 0 } }
channels:
  - { match: "orders-*", history: { messages: 100, maxAge: 1h } }
`;

/** How long Prometheus may take to see something that scrapes every second. */
const SEEN = { timeoutMs: 60_000 };
const CROWD = 20;
/** With two visitors a second each stays for some seconds. */
const VISITS_AT_A_TIME = 6;

/**
 * The alerts as they are, with shorter times and a smaller crowd: what takes minutes to fire is proven with these times by
 * `promtool test rules` (observability-files.test.ts).
 */
function hastyRules(): string {
  return readFileSync(RULES_PATH, "utf8")
    .replaceAll("offset 5m", "offset 15s")
    .replaceAll(/for: \d+m/g, "for: 1s")
    .replaceAll(/\[(?:5|10|15)m\]/g, "[10s]")
    .replaceAll(">= 100\n", `>= ${CROWD}\n`)
    .replaceAll("> 10\n", "> 2\n");
}

/** Loaded into a process: from SIGUSR2 to the next one its loop is held up, most of the time. */
const BLOCKER = `
let timer = null;
const holdUp = () => {
  const endMs = performance.now() + 250;
  while (performance.now() < endMs);
};
process.on("SIGUSR2", () => {
  if (timer !== null) clearInterval(timer);
  timer = timer === null ? setInterval(holdUp, 1) : null;
});
`;

const hostOf = (url: string) => new URL(url).host;

let endpoint: TestEndpoint;
let nats: NatsServer;
let exporter: NatsExporter;
let processes: Record<"first" | "second" | "busy" | "publisher" | "worker", CarillonProcess>;
let prometheus: Prometheus;
let traffic: NodeJS.Timeout;
const visitors: NativeClient[] = [];

beforeAll(async () => {
  endpoint = await TestEndpoint.start();
  nats = await NatsServer.start({ jetStream: true });
  exporter = await NatsExporter.start({ servers: [{ id: "nats-1", monitorUrl: nats.monitorUrl }] });
  const config = await writeConfig(configFor(endpoint.url));
  const blocker = join(config, "../blocker.mjs");
  await writeFile(blocker, BLOCKER);
  const args = ["--config", config, "--nats", nats.url];
  // One after the other: five at once take too long to be ready on a busy machine.
  const first = await CarillonProcess.start("gateway", args);
  const second = await CarillonProcess.start("gateway", args);
  const sensitive = await writeConfig(configFor(endpoint.url, "{ maxEventLoopLagMs: 100 }"));
  const busy = await CarillonProcess.start("gateway", ["--config", sensitive, "--nats", nats.url], {
    nodeArgs: ["--import", blocker],
  });
  const publisher = await CarillonProcess.start("publisher", args);
  const worker = await CarillonProcess.start("webhooks", args);
  processes = { first, second, busy, publisher, worker };
  prometheus = await Prometheus.start(
    {
      "carillon-gateway": [first, second, busy].map(({ adminUrl }) => hostOf(adminUrl)),
      "carillon-publisher": [hostOf(publisher.adminUrl)],
      "carillon-webhooks": [hostOf(worker.adminUrl)],
      nats: [exporter.target],
    },
    hastyRules(),
  );
});

afterAll(async () => {
  clearInterval(traffic);
  await Promise.allSettled(visitors.map((each) => each.close()));
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
  visitors.push(client);
  // A visit of some milliseconds is nothing that applications are told of.
  if (visitors.length > VISITS_AT_A_TIME) await visitors.shift()?.close();
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
  const dashboards = dashboardsIn(DASHBOARDS_PATH);
  const source = new PrometheusSource(prometheus.url);
  await eventually(
    async () => {
      const empty: string[] = [];
      for (const { name, panels, templating } of dashboards) {
        const choices = await choose(templating.list, source, new Map());
        for (const { title, targets = [] } of panels) {
          for (const { expr } of targets) {
            const samples = await prometheus.query(interpolate(expr, choices));
            // A quantile, or a share, of nothing is no data either.
            if (!samples.some(({ value }) => !Number.isNaN(value))) empty.push(`${name}: ${title}: ${expr}`);
          }
        }
      }
      expect(empty).toEqual([]);
    },
    { timeoutMs: 90_000 },
  );
  expect(dashboards.flatMap(({ panels }) => panels.flatMap(({ targets = [] }) => targets)).length).toBeGreaterThan(100);

  // As pages: the instance that is chosen is the only one that shows, and there is no app of another name to choose.
  const gateway = dashboards.find(({ name }) => name === "gateway");
  const variables = gateway?.templating.list ?? [];
  const instances = [first, second].map(({ adminUrl }) => hostOf(adminUrl));
  // Not a whole second: what was seen just now may be younger than the last of those.
  const to = Date.now() / 1000;
  const range = { from: to - 60, to, step: 5 };
  const drawn = async (wanted: Map<string, readonly string[]>) => {
    const choices = await choose(variables, source, wanted);
    return gateway === undefined ? null : await drawDashboard(gateway, { source, choices, range });
  };
  const all = await drawn(new Map());
  expect(all?.empty).toEqual([]);
  for (const instance of instances) expect(all?.html).toContain(`>${instance}<`);
  const one = await drawn(new Map([["instance", instances.slice(0, 1)]]));
  expect(one?.html).toContain(`>${instances[0]}<`);
  expect(one?.html).not.toContain(`>${instances[1]}<`);
  await expect(drawn(new Map([["instance", ["nobody:1"]]]))).rejects.toThrow("nobody:1");
  clearInterval(traffic);
  await Promise.all(clients.map((client) => client.close()));
  await pusher[Symbol.asyncDispose]();
});

/** Waits until an alert fires, makes an end of its cause, and waits until it is over. */
async function firesUntil(alerts: readonly string[], makeAnEnd: () => unknown): Promise<void> {
  await eventually(async () => expect(await prometheus.firing()).toEqual(expect.arrayContaining([...alerts])), SEEN);
  await makeAnEnd();
  for (const alert of alerts)
    await eventually(async () => expect(await prometheus.firing()).not.toContain(alert), SEEN);
}

/** Does something again and again, until the function that it gives is called; what fails is not looked at. */
function repeat(act: () => Promise<unknown>, everyMs: number): () => void {
  const timer = setInterval(() => void act().catch(() => undefined), everyMs);
  return () => clearInterval(timer);
}

test("alerts › NATS away fires for every process, and so do the publishes that fail; both are over when it is back", async () => {
  await eventually(async () => expect(await prometheus.firing()).not.toContain("CarillonNatsDisconnected"), SEEN);
  const publishing = repeat(() => processes.publisher.publish({ channel: "news", event: "e", payload: 1 }), 100);
  await nats.kill();
  await eventually(async () => expect(await firingFor("CarillonNatsDisconnected")).toBe(5), SEEN);
  await firesUntil(["CarillonNatsDisconnected", "CarillonPublishesFail"], () => nats.restart());
  publishing();
});

test("alerts › a gateway whose event loop lags fires by that reason, as do the clients that it refuses; all are over with it", async () => {
  const { busy } = processes;
  const knocking = repeat(async () => (await NativeClient.open(busy.webSocketUrl)).close(), 100);
  busy.signal("SIGUSR2");
  await eventually(
    async () => {
      for (const alert of ["CarillonConnectionsRefused", "CarillonGatewayOverloaded"]) {
        const reasons = await prometheus.query(`ALERTS{alertname="${alert}",alertstate="firing"}`);
        expect(reasons.map(({ metric }) => metric["reason"])).toEqual(["lag"]);
      }
    },
    { timeoutMs: 90_000 },
  );
  await firesUntil(["CarillonConnectionsRefused", "CarillonGatewayOverloaded", "CarillonEventLoopSlow"], () =>
    busy.signal("SIGUSR2"),
  );
  knocking();
});

test("alerts › clients that do not read fire when they are cut, and it is over when nobody is cut any more", async () => {
  const { second, publisher } = processes;
  const sleepers = await Promise.all(Array.from({ length: 4 }, () => NativeClient.open(second.webSocketUrl)));
  for (const sleeper of sleepers) {
    await sleeper.subscribe("loud");
    sleeper.pause();
  }
  const cuts = () => second.metric("carillon_slow_consumers_total");
  const payload = "x".repeat(10_000);
  await eventually(
    async () => {
      await Promise.all(Array.from({ length: 50 }, () => publisher.publish({ channel: "loud", event: "e", payload })));
      expect(await cuts()).toBe(sleepers.length);
    },
    { timeoutMs: 60_000, intervalMs: 10 },
  );
  await firesUntil(["CarillonSlowConsumers"], () => sleepers.map((sleeper) => sleeper.terminate()));
});

test("alerts › an endpoint that fails fires, and what is given up for it; both are over when it answers again", async () => {
  endpoint.behave = () => 500;
  const visiting = repeat(makeTraffic, 500);
  await firesUntil(["CarillonWebhooksFail", "CarillonWebhooksLost"], () => {
    endpoint.behave = () => 200;
  });
  visiting();
});

test("alerts › a gateway that drains for longer than it should fires, and it is over when it has gone", async () => {
  const { busy } = processes;
  busy.signal("SIGTERM");
  await firesUntil(["CarillonDrainHangs"], () => busy.exited());
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
