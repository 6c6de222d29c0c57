import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { eventually } from "@carillon/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Cluster } from "../cluster.ts";
import { Release } from "../release.ts";
import { REPOSITORY, sandboxFolder } from "../sandbox.ts";
import { quoted } from "../shell.ts";

const DEFINITIONS = `${REPOSITORY}/packages/e2e/kube/ensure-definitions.mjs`;

let cluster: Cluster;
let release: Release;

beforeAll(async () => {
  cluster = await Cluster.start();
  release = await Release.prepare(cluster);
  const found = execFileSync("node", [DEFINITIONS], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  const files = found
    .trim()
    .split("\n")
    .map((path) => `-f ${quoted(path)}`);
  await release.kubectl(`apply --server-side ${files.join(" ")}`);
  await release.kubectl("wait --for=condition=Established crd --all --timeout=60s");
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

/** The hash that a rollout gives to the pods of a component. */
async function hashesOf(component: string): Promise<readonly string[]> {
  const pods = await release.pods(component);
  return [...new Set(pods.map(({ metadata }) => metadata.labels?.["pod-template-hash"] ?? ""))];
}

// Not asked about: routes of the Gateway API and Cilium's policies, whose definitions are no small module; and IPv6, which this
// cluster has not. `make chart-test` looks at all of them without a cluster.
const EXAMPLES = readdirSync(`${REPOSITORY}/helm/carillon/ci`).filter((name) => name !== "ipv6-values.yaml");
const FOREIGN = /^apiVersion: (cilium\.io|gateway\.networking\.k8s\.io)\//m;

test.each(EXAMPLES)("the API server takes every object of ci/%s, and knows every field", async (name) => {
  const rendered = await release.render(`${REPOSITORY}/helm/carillon/ci/${name}`);
  const objects = rendered.split(/^---$/m).filter((each) => each.includes("apiVersion:") && !FOREIGN.test(each));
  const file = `${sandboxFolder()}/rendered.yaml`;
  await writeFile(file, objects.join("\n---\n"));
  const answer = await release.kubectl(`apply --server-side --dry-run=server --validate=strict -f ${file} 2>&1`);
  expect(answer.match(/serverside-applied \(server dry run\)/g)).toHaveLength(objects.length);
  // Pod Security warns of what it would refuse.
  expect(answer).not.toMatch(/warning/i);
});

test("a misspelt field of a resource that others define is refused", async () => {
  const object = `{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: x}, spec: {scaleTargetReff: {name: x}, triggers: []}}`;
  const refused = release.kubectl(`apply --server-side --dry-run=server --validate=strict -f - <<<${quoted(object)}`);
  await expect(refused).rejects.toThrow("scaleTargetReff");
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

test("turning an autoscaler on leaves as many gateways as there are", async () => {
  await release.apply();
  const names = async () => (await release.pods("gateway")).map(({ metadata }) => metadata.name).sort();
  const before = await names();
  expect(before.length).toBeGreaterThan(1);
  await release.apply({ "gateway.autoscaling.enabled": true, "gateway.autoscaling.minReplicas": 1 });
  const replicas = await release.kubectl("get deployment carillon-gateway -o jsonpath='{.spec.replicas}'");
  expect(replicas).toBe(String(before.length));
  expect(await names()).toEqual(before);
  await release.apply();
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
  await release.becomesNothing();
});

test("nothing went wrong unnoticed", () => {
  expect(cluster.agent.failures).toEqual([]);
});
