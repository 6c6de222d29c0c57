import { eventually } from "@carillon/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Cluster } from "../cluster.ts";
import { NAMESPACE, Release } from "../release.ts";
import { Report } from "../report.ts";
import { Load } from "../traffic/load.ts";
import { OUTCOME_COLUMNS, type Outcome, outcomeCells } from "../traffic/outcome.ts";
import { total } from "../traffic/tally.ts";

const CLIENTS = Number(process.env["CARILLON_KUBE_CLIENTS"] ?? 600);
const GATEWAYS = 6;
/** So that the autoscaler has nothing to do. */
const ROOM_FOR_ALL = 100_000;

const report = new Report("disruptions", OUTCOME_COLUMNS);
let cluster: Cluster;
let release: Release;
let load: Load;
let settings: Record<string, string | number | boolean> = {
  "gateway.autoscaling.enabled": true,
  "gateway.autoscaling.minReplicas": GATEWAYS,
  "gateway.autoscaling.maxReplicas": GATEWAYS + 2,
  "gateway.autoscaling.connectionsPerPod": ROOM_FOR_ALL,
  "gateway.autoscaling.behavior.scaleDown.stabilizationWindowSeconds": 0,
};

beforeAll(async () => {
  // One for NATS, one for each Envoy, one that has neither.
  cluster = await Cluster.start({ nodes: 4 });
  release = await Release.prepare(cluster);
  await release.apply(settings);
  await haveGateways(GATEWAYS);
  load = await Load.start(cluster, release, CLIENTS);
});

afterAll(async () => {
  await load?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
  await report.publish(`${CLIENTS.toLocaleString("en")} clients, half of them @carillon/client and half pusher-js`);
});

/** Changes settings of the release, on top of those that it has. */
async function change(changes: typeof settings): Promise<void> {
  settings = { ...settings, ...changes };
  await release.apply(settings);
}

async function haveGateways(wanted: number): Promise<void> {
  const check = async () => expect((await release.connections()).size).toBe(wanted);
  await eventually(check, { timeoutMs: 300_000, intervalMs: 500 });
}

/** What holds whatever happens. */
function expectNothingLost({ tally }: Outcome): void {
  expect.soft(tally.missed, "missed on channels with a history").toBe(0);
  expect.soft(tally.repeated, "came twice on channels with a history").toBe(0);
  expect.soft(tally.falselyRecovered, "was told that everything came").toBe(0);
}

/** What holds where gateways have the time to say goodbye. */
function expectSmooth(outcome: Outcome): void {
  expectNothingLost(outcome);
  expect.soft(outcome.tally.failedConnects).toEqual({});
  const { 4200: _byGateways, 4203: _byProxies, ...abnormal } = outcome.tally.closes;
  expect.soft(abnormal, "closes with other codes than 4200 and 4203, which ask to come back").toEqual({});
  expect.soft(outcome.tally.gaps).toEqual({});
}

/** A node that has one of these components, and none of those. */
async function nodeWith(component: string, ...none: readonly string[]): Promise<string> {
  const others = (await Promise.all(none.map((each) => release.pods(each)))).flat().map(({ spec }) => spec.nodeName);
  const node = (await release.pods(component)).map(({ spec }) => spec.nodeName).find((each) => !others.includes(each));
  if (node === undefined) throw new Error(`there is no node with ${component} and without ${none.join(", ")}`);
  return node;
}

/** Empties a node as an administrator does, and lets pods come back to it. */
async function drain(node: string): Promise<void> {
  await release.kubectl(`drain ${node} --ignore-daemonsets --delete-emptydir-data --timeout=300s`);
  await release.becomesWhole();
  await haveGateways(GATEWAYS);
}

describe(`${CLIENTS} clients on ${GATEWAYS} gateways`, () => {
  test("a rolling update of all gateways: each client comes back once, and misses nothing", async () => {
    const outcome = await load.during(() => change({ "config.gateway.idleTimeoutSeconds": 90 }));
    report.add(...outcomeCells("rolling update of 6 gateways, maxSurge 100 %", outcome));
    expectSmooth(outcome);
    expect.soft(outcome.disconnectsPerClient).toBeGreaterThanOrEqual(1);
    expect.soft(outcome.disconnectsPerClient).toBeLessThanOrEqual(1.05);
  });

  test("a change of apps and channels is taken over by running processes: nobody is disconnected", async () => {
    const before = [...(await release.connections()).keys()].sort();
    const outcome = await load.during(async () => {
      await change({ "config.channels[1].match": "rooms-*", "config.channels[1].cache": true });
    });
    report.add(...outcomeCells("change of apps and channels", outcome));
    expectSmooth(outcome);
    expect(total(outcome.tally.closes)).toBe(0);
    expect([...(await release.connections()).keys()].sort()).toEqual(before);
  });

  test("a node is drained: its gateways go one by one, as their budget says", async () => {
    const node = await nodeWith("gateway", "nats", "envoy");
    const outcome = await load.during(() => drain(node));
    await release.kubectl(`uncordon ${node}`);
    report.add(...outcomeCells("`kubectl drain` of a node with gateways", outcome));
    expectSmooth(outcome);
  });

  test("a gateway is killed: its clients are back elsewhere, and miss nothing", async () => {
    const [victim] = await release.pods("gateway");
    const name = String(victim?.metadata.name);
    const held = (await release.connections()).get(name);
    const outcome = await load.during(async () => {
      cluster.agent.pod(NAMESPACE, name).kill();
      await eventually(async () => expect((await release.connections()).get(name)).toBeDefined(), {
        timeoutMs: 60_000,
      });
    });
    report.add(...outcomeCells("kill -9 of a gateway", outcome));
    expectNothingLost(outcome);
    expect(total(outcome.tally.closes)).toBe(held);
    // A few may be on their way into it at that moment. Later ones are led around it.
    expect(total(outcome.tally.failedConnects)).toBeLessThan(Number(held) * 0.05);
  });

  test("NATS restarts: connections stay, and nothing that was accepted is lost", async () => {
    const outcome = await load.during(async () => {
      const [nats] = await release.pods("nats");
      cluster.agent.pod(NAMESPACE, String(nats?.metadata.name)).kill();
      await release.kubectl(
        "wait pod --for=condition=Ready=false --selector app.kubernetes.io/component=nats --timeout=30s",
      );
      await release.kubectl("wait pod --for=condition=Ready --selector app.kubernetes.io/component=nats --timeout=60s");
    });
    report.add(...outcomeCells("kill -9 of the only NATS, which comes back with its disk", outcome));
    expectNothingLost(outcome);
    expect(total(outcome.tally.closes)).toBe(0);
  });

  test("more connections than gateways are for bring more gateways: nobody is disconnected", async () => {
    const outcome = await load.during(async () => {
      await change({ "gateway.autoscaling.connectionsPerPod": Math.ceil(CLIENTS / (GATEWAYS + 2)) });
      await haveGateways(GATEWAYS + 2);
    });
    report.add(...outcomeCells("autoscaler adds two gateways", outcome));
    expectSmooth(outcome);
    expect(total(outcome.tally.closes)).toBe(0);
  });

  test("fewer connections take gateways away, one at a time: only their clients come back elsewhere", async () => {
    const outcome = await load.during(async () => {
      await change({ "gateway.autoscaling.connectionsPerPod": ROOM_FOR_ALL });
      await haveGateways(GATEWAYS);
      // Those that go are no longer counted, but still drain.
      await release.becomesWhole();
    });
    report.add(...outcomeCells("autoscaler takes two gateways away", outcome));
    expectSmooth(outcome);
  });

  test("a rollout of the Envoys: everybody is asked to come back through another one, once, and nobody is cut", async () => {
    const outcome = await load.during(() => change({ "loadBalancer.envoy.podAnnotations.rollout": "second" }));
    report.add(...outcomeCells("rollout of both Envoys", outcome));
    expectSmooth(outcome);
    expect.soft(Object.keys(outcome.tally.closes)).toEqual(["4203"]);
    // All new ones are there before the first old one goes.
    expect.soft(outcome.disconnectsPerClient).toBeGreaterThanOrEqual(1);
    expect.soft(outcome.disconnectsPerClient).toBeLessThanOrEqual(1.05);
  });

  test("a node with an Envoy is drained: its clients come back through the other one, and nobody is cut", async () => {
    const node = await nodeWith("envoy", "nats");
    const outcome = await load.during(() => drain(node));
    await release.kubectl(`uncordon ${node}`);
    report.add(...outcomeCells("`kubectl drain` of a node with an Envoy", outcome));
    expectSmooth(outcome);
    expect.soft(outcome.tally.closes[4203] ?? 0).toBeGreaterThan(0);
  });

  test("nothing went wrong unnoticed", () => {
    expect(cluster.agent.failures).toEqual([]);
  });
});
