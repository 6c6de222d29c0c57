import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { JsonSchema } from "../json-schema.ts";
import { RULED_PATHS } from "../value-rules.ts";
import { valuesSchema } from "../values-schema.ts";
import { CHART, refusal, render } from "./support/chart.ts";
import { conform } from "./support/kubeconform.ts";
import { at } from "./support/kubernetes-object.ts";

const VALUES = await readFile(join(CHART, "values.yaml"), "utf8");

test("values.schema.json is what values.yaml and Carillon's settings make of it (`make chart-docs` writes it)", async () => {
  const committed: unknown = JSON.parse(await readFile(join(CHART, "values.schema.json"), "utf8"));
  expect(committed).toEqual(JSON.parse(JSON.stringify(valuesSchema(VALUES))));
});

test("every value says what it is for", () => {
  const silent: string[] = [];
  const visit = (schema: JsonSchema, path: readonly string[]) => {
    if (schema.description !== undefined) return;
    const members = Object.entries(schema.properties ?? {});
    if (members.length === 0) silent.push(path.join("."));
    for (const [key, member] of members) visit(member, [...path, key]);
  };
  const { config: _config, ...own } = valuesSchema(VALUES).properties ?? {};
  visit({ properties: own }, []);
  expect(silent).toEqual([]);
});

test("every rule is about a value that there is", () => {
  const values: unknown = parse(VALUES);
  expect(RULED_PATHS.filter((path) => at(values, path) === undefined)).toEqual([]);
});

const SECRETS = { secrets: ["a"] };

/** Values that are wrong by themselves, and what of the answer leads to them. */
const WRONG: readonly (readonly [string, object, RegExp])[] = [
  ["a misspelt section", { gatway: {} }, /gatway/],
  ["a misspelt value", { gateway: { replica: 3 } }, /replica/],
  ["a misspelt value of a section in a section", { gateway: { drain: { delay: 10 } } }, /delay/],
  ["a grace period of one's own", { gateway: { terminationGracePeriodSeconds: 30 } }, /terminationGracePeriodSeconds/],
  ["a preStop hook of one's own", { gateway: { lifecycle: {} } }, /lifecycle/],
  ["a progress deadline of one's own", { publisher: { progressDeadlineSeconds: 1 } }, /progressDeadlineSeconds/],
  ["a delay before which no load balancer notices", { gateway: { drain: { delaySeconds: 1 } } }, /delaySeconds/],
  ["a delay that is a text", { gateway: { drain: { delaySeconds: "10s" } } }, /delaySeconds/],
  ["a spread below nothing", { gateway: { drain: { spreadSeconds: -1 } } }, /spreadSeconds/],
  ["more surge than there is", { gateway: { maxSurge: "250%" } }, /maxSurge/],
  ["no surge, with which nothing could be replaced", { gateway: { maxSurge: 0 } }, /maxSurge/],
  ["replicas as a text", { gateway: { replicas: "three" } }, /replicas/],
  ["no replicas", { publisher: { replicas: 0 } }, /replicas/],
  ["a preset that there isn't", { loadBalancer: { preset: "haproxy" } }, /preset/],
  ["an Envoy mode that there isn't", { loadBalancer: { envoy: { mode: "udp" } } }, /mode/],
  ["a port out of range", { publisher: { service: { port: 70_000 } } }, /port/],
  ["a way to sign in that there isn't", { nats: { auth: { method: "oauth" } } }, /method/],
  ["a URL of another kind", { nats: { servers: ["http://nats:4222"] } }, /servers/],
  ["a URL with a password, for all to read", { nats: { servers: ["nats://us:pw@nats:4222"] } }, /servers/],
  ["a tag that is a number, of which digits would be lost", { image: { tag: 20261130 } }, /image\/tag/],
  ["a digest that is none", { image: { digest: "latest" } }, /digest/],
  ["a pull policy that there isn't", { image: { pullPolicy: "Sometimes" } }, /pullPolicy/],
  ["a source of addresses that there isn't", { clientAddress: { from: "header" } }, /from/],
  ["a flavor that there isn't", { networkPolicy: { flavor: "calico" } }, /flavor/],
  ["an environment variable without a name", { extraEnv: [{ value: "1" }] }, /extraEnv/],
  ["an environment variable that is a number", { gateway: { extraEnv: [{ name: "A", value: 1 }] } }, /extraEnv/],
  ["a host that is a URL", { publisher: { ingress: { enabled: true, hosts: ["https://a.example/"] } } }, /hosts/],
  ["resources that there aren't", { gateway: { resources: { memory: "1Gi" } } }, /resources/],
  ["a label that is a number", { gateway: { podLabels: { tier: 1 } } }, /podLabels/],
  ["a misspelt setting of Carillon", { config: { gateway: { maxConection: 1 } } }, /maxConection/],
  ["a misspelt setting of an app", { config: { apps: [{ id: "1", key: "k", ...SECRETS, limts: {} }] } }, /limts/],
  ["an app without a key", { config: { apps: [{ id: "1", ...SECRETS }] } }, /key/],
  ["a setting out of its bounds", { config: { gateway: { idleTimeoutSeconds: 5 } } }, /idleTimeoutSeconds/],
  ["a port, which is the chart's own", { config: { gateway: { port: 9000 } } }, /port/],
  ["a drain beside gateway.drain", { config: { gateway: { drain: { spreadSeconds: 1 } } } }, /drain/],
  ["NATS beside the value nats", { config: { nats: { servers: ["nats://nats:4222"] } } }, /servers/],
  ["a duration that is none", { config: { gateway: { idleTimeoutSeconds: "1 minute" } } }, /idleTimeoutSeconds/],
  ["a section of Carillon that there isn't", { config: { redis: {} } }, /redis/],
  ["an empty section that the chart needs", { gateway: { drain: null } }, /drain/],
  ["an empty number of replicas", { gateway: { replicas: null } }, /replicas/],
  ["an empty spread, from which the grace period follows", { gateway: { drain: { spreadSeconds: null } } }, /spread/],
  ["an empty kind of policies, of which there would be none", { networkPolicy: { flavor: null } }, /flavor/],
  ["an empty switch", { publisher: { enabled: null } }, /enabled/],
  ["no configuration", { config: null }, /config/],
];

describe("refused by the schema", () => {
  test.each(WRONG)("%s", async (_name, values, hint) => {
    const answer = await refusal(values);
    expect(answer).toMatch(/don't meet the specifications of the schema/);
    expect(answer).toMatch(hint);
  });
});

test("a value that is empty by default may be left empty", async () => {
  const chart = await render({
    image: { tag: null },
    gateway: { resources: null, topologySpreadConstraints: null },
    loadBalancer: { service: { port: null } },
  });
  expect(chart.find("Deployment", "carillon-gateway")).toBeDefined();
});

describe("what checks the objects finds what is wrong with them", () => {
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "a" }, spec: { containers: [{ name: "a" }] } };

  test.each([
    ["a misspelt member", { ...pod, spec: { ...pod.spec, hostNetwrk: true } }],
    [
      "a member of a CRD",
      {
        apiVersion: "monitoring.coreos.com/v1",
        kind: "PodMonitor",
        metadata: { name: "a" },
        spec: { selector: {}, podMetricsEndpoints: [{ intervall: "1s" }] },
      },
    ],
    ["a kind that nobody knows", { apiVersion: "example.com/v1", kind: "Thing", metadata: { name: "a" } }],
  ])("%s", async (_name, object) => {
    expect((await conform(JSON.stringify(object), "1.37.0")).problems).toHaveLength(1);
  });
});
