import { writeFile } from "node:fs/promises";
import { eventually } from "@carillon/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Cluster } from "../cluster.ts";
import { Release } from "../release.ts";
import { sandboxFolder } from "../sandbox.ts";

let cluster: Cluster;
let release: Release;

beforeAll(async () => {
  cluster = await Cluster.start();
  release = await Release.prepare(cluster);
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

/** The hash that a rollout gives to the pods of a component. */
async function hashesOf(component: string): Promise<readonly string[]> {
  const pods = await release.pods(component);
  return [...new Set(pods.map(({ metadata }) => metadata.labels?.["pod-template-hash"] ?? ""))];
}

test("the API server takes every object of the chart, and knows every field", async () => {
  const file = `${sandboxFolder()}/rendered.yaml`;
  await writeFile(file, await release.render());
  const answer = await release.kubectl(`apply --server-side --dry-run=server --validate=strict -f ${file} 2>&1`);
  expect(answer.trim().split("\n").length).toBeGreaterThan(10);
  // Pod Security warns of what it would refuse.
  expect(answer).not.toMatch(/warning/i);
});

test("installed with --wait, it passes its own test", async () => {
  await release.apply();
  const outcome = await release.helm("test carillon --timeout 120s");
  expect(outcome).toContain("Phase:          Succeeded");
});

test("a setting that needs a restart rolls the gateways, and a rollback rolls them back", async () => {
  const before = await hashesOf("gateway");
  await release.apply({ "config.gateway.idleTimeoutSeconds": 60 });
  const after = await hashesOf("gateway");
  expect(after).not.toEqual(before);
  await release.helm("rollback carillon 1 --wait --timeout 300s");
  await eventually(async () => expect(await hashesOf("gateway")).toEqual(before), { timeoutMs: 120_000 });
});

test("an upgrade that changes nothing restarts nothing", async () => {
  await release.apply();
  const names = async () => (await release.kubectl("get pods -o name")).trim().split("\n").sort();
  const before = await names();
  await release.apply();
  expect(await names()).toEqual(before);
});

test("pods that don't keep to the restricted profile never come to be", async () => {
  const loose = release.helm(
    `install loose ${release.arguments()} --set-json 'securityContext={"runAsNonRoot":false}' --wait --timeout 10s`,
  );
  await expect(loose).rejects.toThrow();
  const events = await release.kubectl(
    "get events --field-selector reason=FailedCreate -o jsonpath='{.items[*].message}'",
  );
  expect(events).toContain('violates PodSecurity "restricted:latest"');
  await release.helm("uninstall loose --wait");
});

test("uninstalled, it leaves nothing", async () => {
  await release.helm("uninstall carillon --wait --timeout 180s");
  const kinds = (await release.kubectl("api-resources --verbs=list --namespaced -o name")).trim().split("\n");
  const counted = kinds.filter((each) => !/^(events|events\.events\.k8s\.io)$/.test(each));
  const check = async () => {
    const left = await release.kubectl(`get ${counted.join(",")} -o name --ignore-not-found`);
    const names = left.trim().split("\n").filter(Boolean);
    expect(names.sort()).toEqual(["configmap/kube-root-ca.crt", "serviceaccount/default"]);
  };
  await eventually(check, { timeoutMs: 120_000, intervalMs: 1000 });
});

test("nothing went wrong unnoticed", () => {
  expect(cluster.agent.failures).toEqual([]);
});
