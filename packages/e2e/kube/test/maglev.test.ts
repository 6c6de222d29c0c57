import type { ChildProcess } from "node:child_process";
import { eventually } from "@carillon/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Cluster } from "../cluster.ts";
import { APP, Release } from "../release.ts";
import { Report } from "../report.ts";
import { ClientHost } from "../traffic/client-host.ts";
import { Placement } from "../traffic/placement.ts";

const SOURCES = 2000;
const GATEWAYS = 5;
/** Enough that each gateway gets some. */
const SAMPLE = 150;

const report = new Report("maglev", [
  "what happens",
  "clients led elsewhere",
  "ideal",
  "max / mean",
  "Envoys that disagree",
]);
let cluster: Cluster;
let release: Release;
let host: ClientHost;
let surveyor: ChildProcess;

beforeAll(async () => {
  cluster = await Cluster.start();
  release = await Release.prepare(cluster);
  await release.apply({ "gateway.replicas": GATEWAYS });
  host = await ClientHost.start(cluster.network);
  surveyor = Placement.surveyor(host);
});

afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
  await report.publish(`${SOURCES.toLocaleString("en")} addresses, through each of two Envoys`);
});

/** Where clients are led by each of the Envoys, of which there are two. */
async function survey(clients = SOURCES): Promise<readonly [Placement, Placement]> {
  const [first, second] = release.fronts();
  if (first === undefined || second === undefined) throw new Error("there aren't two Envoys");
  const one = await Placement.ask(surveyor, { front: first, key: APP.key, clients });
  const two = await Placement.ask(surveyor, { front: second, key: APP.key, clients });
  return [one, two];
}

/** Has so many gateways, and waits until both Envoys lead clients to all of them and to no others. */
async function scale(gateways: number): Promise<void> {
  await release.kubectl(`scale deployment carillon-gateway --replicas ${gateways}`);
  const isDone = async () => {
    for (const each of await survey(SAMPLE)) {
      expect(each.refused).toBe(0);
      expect(each.counts.size).toBe(gateways);
    }
    expect(await release.pods("gateway")).toHaveLength(gateways);
  };
  await eventually(isDone, { timeoutMs: 120_000, intervalMs: 500 });
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

test("a client is led to the same gateway each time, by each Envoy, and gateways share clients evenly", async () => {
  await scale(GATEWAYS);
  const [one, two] = await survey();
  const [again] = await survey();
  report.add("nothing", percent(again.movedFrom(one)), "0 %", one.imbalance.toFixed(2), percent(two.movedFrom(one)));
  expect(one.refused).toBe(0);
  expect(again.movedFrom(one)).toBe(0);
  expect(two.movedFrom(one)).toBe(0);
  expect(one.imbalance).toBeLessThan(1.2);
});

test.each([
  ["one of 5 gateways leaves", GATEWAYS, GATEWAYS - 1],
  ["a fifth gateway joins 4", GATEWAYS - 1, GATEWAYS],
])("%s: little more clients are led elsewhere than have to be", async (what, from, to) => {
  await scale(from);
  const [before] = await survey();
  await scale(to);
  const [after, afterToo] = await survey();
  const moved = after.movedFrom(before);
  const ideal = after.leastToMove(before);
  report.add(what, percent(moved), percent(ideal), after.imbalance.toFixed(2), percent(afterToo.movedFrom(after)));
  expect(after.refused).toBe(0);
  expect(moved).toBeGreaterThan(0);
  // Maglev moves a few more than it must; hashing by the number of gateways would move four of five.
  expect(moved).toBeLessThan(ideal * 1.25);
  expect(afterToo.movedFrom(after)).toBe(0);
  expect(after.imbalance).toBeLessThan(1.2);
});
