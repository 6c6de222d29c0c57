import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { ROOT } from "../../test/support/run.ts";
import { CHART, ENOUGH, fileReference, render, renderWith } from "./support/chart.ts";
import { conform } from "./support/kubeconform.ts";
import { at, listAt } from "./support/kubernetes-object.ts";
import type { RenderedChart } from "./support/rendered-chart.ts";

const CONTAINER = "spec.template.spec.containers.0";
const SCALERS = ["HorizontalPodAutoscaler", "ScaledObject"];

const kinds = (chart: RenderedChart) => new Set(chart.objects.map(({ kind }) => kind));
const checksums = (chart: RenderedChart, component: string) =>
  at(chart.get("Deployment", `carillon-${component}`), "spec.template.metadata.annotations");

describe("scaling", () => {
  test("unscaled: the number of replicas, and nobody who changes it", async () => {
    const chart = await render({ gateway: { replicas: 4 } });
    expect(at(chart.get("Deployment", "carillon-gateway"), "spec.replicas")).toBe(4);
    expect(SCALERS.filter((kind) => kinds(chart).has(kind))).toEqual([]);
  });

  test("scaled: no number of replicas, which an upgrade would set back", async () => {
    const hpa = await render({ gateway: { autoscaling: { enabled: true, connectionsPerPod: 5000 } } });
    expect(at(hpa.get("Deployment", "carillon-gateway"), "spec")).not.toHaveProperty("replicas");
    expect(at(hpa.get("HorizontalPodAutoscaler", "carillon-gateway"), "spec.metrics")).toEqual([
      {
        type: "Pods",
        pods: { metric: { name: "carillon_connections" }, target: { type: "AverageValue", averageValue: "5000" } },
      },
    ]);
    const keda = await render({ gateway: { keda: { enabled: true, prometheus: "http://prometheus:9090" } } });
    expect(at(keda.get("Deployment", "carillon-gateway"), "spec")).not.toHaveProperty("replicas");
    const trigger = at(keda.get("ScaledObject", "carillon-gateway"), "spec.triggers.0");
    expect(trigger).toMatchObject({ type: "prometheus", metricType: "AverageValue" });
    expect(at(trigger, "metadata.query")).toBe(
      'sum(carillon_connections{namespace="default",pod=~"carillon-gateway-.*"})',
    );
    const publisher = await render({ publisher: { autoscaling: { enabled: true, cpuPercent: 60 } } });
    expect(at(publisher.get("Deployment", "carillon-publisher"), "spec")).not.toHaveProperty("replicas");
    expect(
      at(publisher.get("HorizontalPodAutoscaler", "carillon-publisher"), "spec.metrics.0.resource.target"),
    ).toEqual({ type: "Utilization", averageUtilization: 60 });
  });

  test("disruption budgets where there are several, of one at a time", async () => {
    const chart = await render({ webhooks: { replicas: 2 } });
    for (const component of ["gateway", "publisher", "envoy", "webhooks"]) {
      expect(chart.get("PodDisruptionBudget", `carillon-${component}`).spec).toMatchObject({ maxUnavailable: 1 });
    }
    const single = await render({
      gateway: { replicas: 1 },
      publisher: { podDisruptionBudget: false },
      loadBalancer: { envoy: { replicas: 1 } },
    });
    expect(kinds(single).has("PodDisruptionBudget")).toBe(false);
  });

  test("what a spread constraint selects is filled in, unless it says so itself", async () => {
    const own = {
      maxSkew: 2,
      topologyKey: "rack",
      whenUnsatisfiable: "DoNotSchedule",
      labelSelector: { matchLabels: { a: "b" } },
    };
    const chart = await render({ publisher: { topologySpreadConstraints: [own] } });
    const [first] = listAt(chart.get("Deployment", "carillon-gateway"), "spec.template.spec.topologySpreadConstraints");
    expect(first).toEqual({
      maxSkew: 1,
      topologyKey: "kubernetes.io/hostname",
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels: at(chart.get("Deployment", "carillon-gateway"), "spec.selector.matchLabels") },
      matchLabelKeys: ["pod-template-hash"],
    });
    const publisher = chart.get("Deployment", "carillon-publisher");
    expect(at(publisher, "spec.template.spec.topologySpreadConstraints")).toEqual([own]);
  });
});

describe("load balancers", () => {
  test("envoy: the Service leads to Envoy, which finds the gateways that are ready", async () => {
    const chart = await render();
    const service = chart.get("Service", "carillon");
    expect(service.spec).toMatchObject({ type: "ClusterIP", ports: [{ name: "ws", port: 80, targetPort: "ws" }] });
    expect(at(service, "spec.selector")).toMatchObject({ "app.kubernetes.io/component": "envoy" });
    expect(chart.get("Service", "carillon-gateway-headless").spec).toMatchObject({ clusterIP: "None" });
    expect(chart.file("carillon-envoy", "envoy.yaml")).toContain(
      "address: carillon-gateway-headless.default.svc.cluster.local.\n",
    );
  });

  test("envoy behind a load balancer of the cloud: the source address gets through", async () => {
    const chart = await render({ loadBalancer: { service: { type: "LoadBalancer" } } });
    expect(chart.get("Service", "carillon").spec).toMatchObject({ externalTrafficPolicy: "Local" });
  });

  test("cloud and cilium: the Service leads to gateways, and remembers clients by their addresses", async () => {
    const cloud = await render({ loadBalancer: { preset: "cloud", service: { annotations: { a: "b" } } } });
    expect(cloud.find("Deployment", "carillon-envoy")).toBeUndefined();
    expect(cloud.get("Service", "carillon").spec).toMatchObject({
      type: "LoadBalancer",
      externalTrafficPolicy: "Local",
      sessionAffinity: "ClientIP",
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } },
      selector: { "app.kubernetes.io/component": "gateway" },
    });
    expect(cloud.get("Service", "carillon").metadata.annotations).toEqual({ a: "b" });
    const cilium = await render({ loadBalancer: { preset: "cilium" } });
    expect(cilium.get("Service", "carillon").metadata.annotations).toEqual({
      "service.cilium.io/lb-algorithm": "maglev",
    });
  });

  test("none: a plain Service in front of the gateways", async () => {
    const chart = await render({ loadBalancer: { preset: "none" } });
    const { spec } = chart.get("Service", "carillon");
    expect(spec).toMatchObject({ type: "ClusterIP", selector: { "app.kubernetes.io/component": "gateway" } });
    expect(spec).not.toHaveProperty("sessionAffinity");
  });

  test("TLS at Envoy: port 443, and the test connects by wss", async () => {
    const chart = await render({ loadBalancer: { envoy: { tls: { existingSecret: "certificate" } } } });
    expect(at(chart.get("Service", "carillon"), "spec.ports.0.port")).toBe(443);
    expect(at(chart.get("Pod", "carillon-check"), "spec.containers.0.args")).toContain("wss://carillon:443/ws");
  });
});

test("the load test's manifest connects to Services of the chart, and asks for their ports", async () => {
  const chart = await render();
  const manifest: unknown = parse(await readFile(join(ROOT, "loadtest/k6-operator/test-run.yaml"), "utf8"));
  const env = new Map(listAt(manifest, "spec.runner.env").map((each) => [at(each, "name"), at(each, "value")]));
  for (const name of ["URL", "PUBLISH_URL"]) {
    const { hostname, port } = new URL(String(env.get(name)));
    const ports = listAt(chart.get("Service", hostname), "spec.ports").map((each) => at(each, "port"));
    expect({ name, ports }).toEqual({ name, ports: expect.arrayContaining([Number(port || 80)]) });
  }
});

describe("configuration", () => {
  test("apps and channels change without a restart, everything else with one", async () => {
    const before = await render();
    const moreApps = await render({
      config: { apps: [{ id: "2", key: "k", secrets: ["s"] }], channels: [{ match: "a" }] },
    });
    const otherLimit = await render({ config: { gateway: { maxConnections: 5 } } });
    expect(moreApps.file("carillon", "carillon.yaml")).not.toBe(before.file("carillon", "carillon.yaml"));
    expect(checksums(moreApps, "gateway")).toEqual(checksums(before, "gateway"));
    expect(checksums(otherLimit, "gateway")).not.toEqual(checksums(before, "gateway"));
    expect(checksums(otherLimit, "webhooks")).not.toEqual(checksums(before, "webhooks"));
    expect(checksums(otherLimit, "envoy")).toEqual(checksums(before, "envoy"));
  });

  test("or with a restart, where that is wanted", async () => {
    const wanted = { restartOnAppChanges: true };
    const before = await render(wanted);
    const after = await render(wanted, { config: { channels: [{ match: "a" }] } });
    expect(checksums(after, "gateway")).not.toEqual(checksums(before, "gateway"));
    const secret = await render(wanted, { secrets: { values: { a: "b" } } });
    expect(checksums(secret, "gateway")).not.toEqual(checksums(before, "gateway"));
  });

  test("credentials of NATS are files of the Secret that is named, for each role its own where it has one", async () => {
    const auth = { method: "userPassword", existingSecret: "everybody", keys: { user: "name" } };
    const chart = await render({ nats: { auth }, gateway: { natsExistingSecret: "gateways" } });
    expect(chart.file("carillon", "carillon.yaml")).toContain(
      `credentials:\n    password: ${fileReference("/etc/carillon/nats-auth/password")}\n    user: ${fileReference("/etc/carillon/nats-auth/name")}\n`,
    );
    const secretOf = (component: string) =>
      listAt(chart.get("Deployment", `carillon-${component}`), "spec.template.spec.volumes")
        .map((volume) => at(volume, "secret.secretName"))
        .filter((name) => name !== undefined);
    expect([secretOf("gateway"), secretOf("publisher"), secretOf("webhooks")]).toEqual([
      ["gateways"],
      ["everybody"],
      ["everybody"],
    ]);
  });

  test("what runs beside Envoy knows NATS and nothing else, with credentials of its own, and may have a version of its own", async () => {
    const auth = { method: "creds", existingSecret: "everybody" };
    const drain = { natsExistingSecret: "proxies", tag: "0.2.0" };
    const secrets = { existingSecret: "apps" };
    const chart = await render({ nats: { auth }, secrets, loadBalancer: { envoy: { drain } } });
    expect(parse(chart.file("carillon-envoy", "carillon.yaml"))).toEqual({
      nats: { servers: ["nats://nats:4222"], credentials: { credsFile: "/etc/carillon/nats-auth/nats.creds" } },
    });
    const pod = at(chart.get("Deployment", "carillon-envoy"), "spec.template.spec");
    expect(listAt(pod, "volumes").map((volume) => at(volume, "secret.secretName") ?? "none")).toEqual([
      "none",
      "proxies",
    ]);
    expect(listAt(pod, "containers.1.volumeMounts").map((mount) => at(mount, "name"))).toEqual(["config", "nats-auth"]);
    expect(listAt(pod, "containers.0.volumeMounts").map((mount) => at(mount, "name"))).toEqual(["config"]);
    expect(at(pod, "containers.1.image")).toBe("carillon:0.2.0");
    // Neither NATS's address nor a new version of Carillon restarts such an Envoy.
    const later = await render({
      nats: { auth, servers: ["nats://other:4222"] },
      secrets,
      image: { tag: "0.3.0" },
      loadBalancer: { envoy: { drain } },
    });
    expect(at(later.get("Deployment", "carillon-envoy"), "spec.template")).toEqual(
      at(chart.get("Deployment", "carillon-envoy"), "spec.template"),
    );
  });

  test("TLS with NATS may start first also with the system's authorities", async () => {
    const natsOf = async (tls: object) =>
      at(parse((await render({ nats: { tls } })).file("carillon", "carillon.yaml")), "nats.tls");
    expect(await natsOf({})).toBeUndefined();
    expect(await natsOf({ handshakeFirst: true })).toEqual({ handshakeFirst: true });
    expect(await natsOf({ handshakeFirst: true, existingSecret: "a" })).toEqual({
      caFile: "/etc/carillon/nats-tls/ca.crt",
      handshakeFirst: true,
    });
  });

  test("no Secret is made but of values that are written down, and those are kept as they are", async () => {
    expect(kinds(await render()).has("Secret")).toBe(false);
    const chart = await render({ secrets: { values: { "app-secret": "grün" } } });
    expect(chart.get("Secret", "carillon").data).toEqual({ "app-secret": Buffer.from("grün").toString("base64") });
  });

  test("the notes warn of secrets that stand in the ConfigMap, by the settings, and of no others", async () => {
    // `helm template` makes no notes, so an object has what they say.
    const notes = '{{ include "carillon.plainSecrets" $ | quote }}';
    const object = `{ apiVersion: v1, kind: ConfigMap, metadata: { name: notes }, data: { text: ${notes} } }`;
    const warning = async (config: object) => (await render({ config, extraObjects: [object] })).file("notes", "text");
    const kept = fileReference("/etc/carillon/keys/a");
    const app = { id: "1", key: "k", secrets: [kept], publishSecret: kept };
    const headers = { Authorization: `Bearer ${kept}`, "x-team": "a" };
    const url = "https://example.com";
    expect(await warning({ apps: [{ ...app, webhooks: [{ url, headers }] }], tracing: { headers } })).toBe("");
    const apps = [
      app,
      { ...app, secrets: [kept, "plain"] },
      { ...app, publishSecret: "plain" },
      { ...app, webhooks: [{ url, headers: { Authorization: "Bearer plain" } }] },
    ];
    expect(await warning({ apps, tracing: { headers: { "x-api-key": "plain" } } })).toBe(
      "config.apps[1].secrets, config.apps[2].publishSecret, config.apps[3].webhooks.headers, config.tracing.headers",
    );
    expect(await readFile(join(CHART, "templates/NOTES.txt"), "utf8")).toContain('include "carillon.plainSecrets" .');
  });

  test("where clients' addresses come from", async () => {
    const chart = await render({
      loadBalancer: { envoy: { mode: "http" } },
      clientAddress: { from: "xForwardedFor", trustedProxies: ["10.0.0.0/8"] },
    });
    expect(chart.file("carillon", "carillon.yaml")).toContain(
      "clientAddress:\n    from: xForwardedFor\n    trustedProxies:\n    - 10.0.0.0/8\n",
    );
    expect(chart.file("carillon-envoy", "envoy.yaml")).toContain("use_remote_address: true");
  });
});

describe("an empty key, with everything below it commented out", () => {
  const sections = {
    gateway: null,
    publisher: null,
    webhooks: null,
    nats: null,
    log: null,
    tracing: null,
    channels: null,
  };
  const lists = { extraEnv: null, extraEnvFrom: null, extraVolumes: null, extraVolumeMounts: null };
  const apps = [{ id: "1", key: "k", secrets: ["s"], token: { jwksUrl: "https://auth.example.com/jwks.json" } }];

  test.each([
    ["config", { config: { ...sections, apps } }],
    ["config with network policies", { config: { ...sections, apps }, networkPolicy: { enabled: true } }],
    [
      "config with those of Cilium",
      { config: { ...sections, apps }, networkPolicy: { enabled: true, flavor: "cilium" } },
    ],
    ["extraEnv and the like", { ...lists, extraObjects: null, imagePullSecrets: null }],
    ["those of one role", { gateway: { ...lists, extraContainers: null, podLabels: null, podAnnotations: null } }],
    ["labels and annotations", { commonLabels: null, loadBalancer: { service: { annotations: null, labels: null } } }],
    ["global", { global: null }],
    ["the pods' security context", { podSecurityContext: null }],
    ["labels of dashboards", { monitoring: { dashboards: { enabled: true, labels: null } } }],
    ["behaviour of an autoscaler", { gateway: { autoscaling: { enabled: true, behavior: null } } }],
    ["monitoring", { monitoring: { podMonitor: null, prometheusRule: null, dashboards: null } }],
    ["sections that no release needs", { secrets: { values: null }, test: { extraArgs: null } }],
  ])("%s › is one that was never there", async (_name, values) => {
    const chart = await render(values);
    expect(chart.names).toContain("Deployment/carillon-gateway");
    expect((await conform(chart.text, "1.37.0")).problems).toEqual([]);
  });
});

describe("labels and annotations", () => {
  const own = { "app.kubernetes.io/name": "mine", "app.kubernetes.io/component": "mine" };
  const part = { "app.kubernetes.io/part-of": "shop" };
  const podAnnotations = { "checksum/config": "mine", team: "a" };
  const everywhere = { podLabels: { ...own, ...part, team: "a" }, podAnnotations };
  // The parser of YAML throws at a key that is there twice.
  const labelled = () =>
    render({
      commonLabels: { ...own, ...part },
      gateway: everywhere,
      publisher: everywhere,
      webhooks: everywhere,
      loadBalancer: { envoy: everywhere, service: { labels: { ...own, team: "a" } } },
      monitoring: {
        podMonitor: { enabled: true, labels: own },
        prometheusRule: { enabled: true, labels: own },
        dashboards: { enabled: true, labels: own },
      },
    });

  test("that the chart has as well are there once: those of the values, but for what selectors and checksums need", async () => {
    const chart = await labelled();
    expect((await conform(chart.text, "1.37.0")).problems).toEqual([]);
    for (const component of ["gateway", "publisher", "webhooks", "envoy"]) {
      const deployment = chart.get("Deployment", `carillon-${component}`);
      const selected = { "app.kubernetes.io/name": "carillon", "app.kubernetes.io/component": component };
      expect(deployment.metadata.labels).toMatchObject({ ...selected, ...part });
      expect(at(deployment, "spec.selector.matchLabels")).toMatchObject(selected);
      expect(at(deployment, "spec.template.metadata.labels")).toMatchObject({ ...selected, ...part, team: "a" });
      expect(at(deployment, "spec.template.metadata.annotations.team")).toBe("a");
      expect(checksums(chart, component)).toMatchObject({ "checksum/config": expect.stringMatching(/^[0-9a-f]{64}$/) });
    }
    expect(chart.get("Service", "carillon").metadata.labels).toMatchObject({ team: "a", ...part });
  });

  test("are texts also in a release whose name is a number", async () => {
    const chart = await renderWith({ release: "1234", values: [ENOUGH] });
    expect(chart.get("Deployment", "1234-carillon-gateway").metadata.labels).toMatchObject({
      "app.kubernetes.io/instance": "1234",
    });
  });
});

describe("images", () => {
  test("the chart's version of Carillon; a tag or a digest in its place; a registry for all", async () => {
    const image = (chart: RenderedChart) => at(chart.get("Deployment", "carillon-gateway"), `${CONTAINER}.image`);
    expect(image(await render())).toMatch(/^carillon:\d+\.\d+\.\d+/);
    expect(image(await render({ image: { registry: "ghcr.io/", repository: "us/carillon", tag: "edge" } }))).toBe(
      "ghcr.io/us/carillon:edge",
    );
    const digest = `sha256:${"0".repeat(64)}`;
    const mirrored = await render({
      nats: { servers: [], builtIn: { enabled: true } },
      image: { digest },
      global: { imageRegistry: "mirror.example", imagePullSecrets: ["a"] },
      imagePullSecrets: ["a", "b"],
    });
    expect(image(mirrored)).toBe(`mirror.example/carillon@${digest}`);
    for (const { spec } of mirrored.pods) {
      expect(at(spec, "containers.0.image")).toMatch(/^mirror\.example\//);
      expect(at(spec, "imagePullSecrets")).toEqual([{ name: "a" }, { name: "b" }]);
    }
  });
});

test("an environment variable that a role has of its own is there once, in place of everybody's", async () => {
  const chart = await render({
    extraEnv: [
      { name: "NODE_OPTIONS", value: "--max-old-space-size=200" },
      { name: "A", value: "1" },
    ],
    gateway: { extraEnv: [{ name: "NODE_OPTIONS", value: "--max-old-space-size=800" }] },
  });
  const environment = (role: string) => listAt(chart.get("Deployment", `carillon-${role}`), `${CONTAINER}.env`);
  expect(environment("gateway")).toEqual([
    { name: "A", value: "1" },
    { name: "NODE_OPTIONS", value: "--max-old-space-size=800" },
  ]);
  expect(environment("publisher")).toHaveLength(2);
});

describe("watching", () => {
  test("PodMonitors read every process, and Envoy where there is one", async () => {
    const podMonitor = { enabled: true, labels: { release: "prometheus" } };
    const chart = await render({ monitoring: { podMonitor } });
    expect(chart.get("PodMonitor", "carillon").metadata.labels).toMatchObject({ release: "prometheus" });
    expect(at(chart.get("PodMonitor", "carillon-envoy"), "spec.podMetricsEndpoints.0.path")).toBe("/stats/prometheus");
    const cloud = await render({ monitoring: { podMonitor }, loadBalancer: { preset: "cloud" } });
    expect(cloud.find("PodMonitor", "carillon-envoy")).toBeUndefined();
  });
});
