import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { CHART, fileReference, render } from "./support/chart.ts";
import { at, listAt } from "./support/kubernetes-object.ts";
import type { RenderedChart } from "./support/rendered-chart.ts";

describe("policies of Kubernetes", () => {
  test("gateways take clients from Envoy alone, and talk to DNS and NATS alone", async () => {
    const chart = await render({ networkPolicy: { enabled: true } });
    const { spec } = chart.get("NetworkPolicy", "carillon-gateway");
    expect(at(spec, "ingress.0.from.0.podSelector.matchLabels")).toMatchObject({
      "app.kubernetes.io/component": "envoy",
    });
    const ports = listAt(spec, "egress").flatMap((rule) => listAt(rule, "ports").map((port) => at(port, "port")));
    expect([...new Set(ports)]).toEqual([53, 4222]);
  });

  test("Envoy talks to gateways, and what runs beside it to NATS, where there is that", async () => {
    const egress = async (enabled: boolean) => {
      const chart = await render({ networkPolicy: { enabled: true }, loadBalancer: { envoy: { drain: { enabled } } } });
      const { spec } = chart.get("NetworkPolicy", "carillon-envoy");
      return listAt(spec, "egress").flatMap((rule) => listAt(rule, "ports").map((port) => at(port, "port")));
    };
    expect([await egress(true), await egress(false)]).toEqual([
      [53, 53, 8080, 9090, 4222],
      [53, 53, 8080, 9090],
    ]);
  });

  test("keys for connection tokens may be fetched where an app has an address for them", async () => {
    const token = { jwksUrl: "https://auth.example.com/jwks.json" };
    const chart = await render({
      networkPolicy: { enabled: true },
      config: { apps: [{ id: "1", key: "k", secrets: ["s"], token }] },
    });
    const { spec } = chart.get("NetworkPolicy", "carillon-gateway");
    const ports = listAt(spec, "egress").flatMap((rule) => listAt(rule, "ports").map((port) => at(port, "port")));
    expect(ports).toContain(443);
  });

  test("the collector may be reached where traces are on, by those that make them", async () => {
    const to = [{ namespaceSelector: { matchLabels: { name: "observability" } } }];
    const chart = await render({
      networkPolicy: { enabled: true, collector: { to, port: 4319 } },
      config: { apps: [{ id: "1", key: "k", secrets: ["s"] }], tracing: { enabled: true } },
    });
    for (const component of ["gateway", "publisher"]) {
      const { spec } = chart.get("NetworkPolicy", `carillon-${component}`);
      expect(listAt(spec, "egress")).toContainEqual({ ports: [{ port: 4319, protocol: "TCP" }], to });
    }
  });
});

const POD = { podSelector: { matchLabels: { app: "pod" } } };
const NAMESPACE = {
  namespaceSelector: { matchLabels: { team: "a" }, matchExpressions: [{ key: "zone", operator: "Exists" }] },
};
const BLOCK = { ipBlock: { cidr: "203.0.113.0/24", except: ["203.0.113.7/32"] } };
const CHECK = {
  "app.kubernetes.io/name": "carillon",
  "app.kubernetes.io/instance": "carillon",
  "app.kubernetes.io/component": "check",
};
const tcp = (port: number | string) => [{ ports: [{ port: String(port), protocol: "TCP" }] }];

const cilium = (networkPolicy: object, ...values: object[]) =>
  render({ networkPolicy: { enabled: true, flavor: "cilium", ...networkPolicy } }, ...values);

const rulesOf = (chart: RenderedChart, component: string, direction: "ingress" | "egress") =>
  listAt(chart.get("CiliumNetworkPolicy", `carillon-${component}`).spec, direction);

describe("policies of Cilium", () => {
  test("are for the same pods as those of Kubernetes", async () => {
    for (const values of [
      {},
      { loadBalancer: { preset: "cilium" } },
      { nats: { servers: [], builtIn: { enabled: true } } },
    ]) {
      const [ours, theirs] = await Promise.all([
        cilium({}, values),
        render({ networkPolicy: { enabled: true } }, values),
      ]);
      const named = (chart: RenderedChart, kind: string, selector: string) =>
        chart.objects
          .filter((each) => each.kind === kind)
          .map(({ metadata, spec }) => [metadata.name, at(spec, selector)]);
      const expected = named(theirs, "NetworkPolicy", "podSelector.matchLabels");
      expect(expected.length).toBeGreaterThan(2);
      expect(named(ours, "CiliumNetworkPolicy", "endpointSelector.matchLabels")).toEqual(expected);
    }
  });

  test("a peer is translated as Cilium translates those of Kubernetes: pods, namespaces, both, all namespaces, addresses", async () => {
    const monitoringFrom = [
      POD,
      NAMESPACE,
      { ...POD, ...NAMESPACE },
      { namespaceSelector: {} },
      { podSelector: {} },
      BLOCK,
    ];
    const chart = await cilium({ monitoringFrom });
    const prefix = "k8s:io.cilium.k8s.namespace.labels";
    const namespaceExpressions = [{ key: `${prefix}.zone`, operator: "Exists" }];
    expect(rulesOf(chart, "webhooks", "ingress")).toEqual(
      [
        { fromEndpoints: [{ matchLabels: { app: "pod" } }] },
        { fromEndpoints: [{ matchLabels: { [`${prefix}.team`]: "a" }, matchExpressions: namespaceExpressions }] },
        {
          fromEndpoints: [
            { matchLabels: { app: "pod", [`${prefix}.team`]: "a" }, matchExpressions: namespaceExpressions },
          ],
        },
        { fromEndpoints: [{ matchExpressions: [{ key: "k8s:io.kubernetes.pod.namespace", operator: "Exists" }] }] },
        { fromEndpoints: [{}] },
        { fromCIDRSet: [BLOCK.ipBlock] },
      ].map((rule) => ({ ...rule, toPorts: tcp(9090) })),
    );
    expect(rulesOf(chart, "envoy", "ingress")).toContainEqual({ fromCIDRSet: [BLOCK.ipBlock], toPorts: tcp(9902) });
  });

  test("everybody may come where nobody is named", async () => {
    const chart = await cilium({}, { loadBalancer: { preset: "cloud" } });
    for (const [component, port] of [
      ["gateway", 8080],
      ["gateway", 9090],
      ["publisher", 8081],
      ["webhooks", 9090],
    ] as const)
      expect(rulesOf(chart, component, "ingress")).toContainEqual({ fromEntities: ["all"], toPorts: tcp(port) });
    expect(rulesOf(chart, "gateway", "egress")).toContainEqual({ toEntities: ["all"], toPorts: tcp(4222) });
  });

  test("clients and publishers come from whom is named, and from the pod of helm test", async () => {
    const named = { clientsFrom: [BLOCK], publishersFrom: [POD] };
    const from = (chart: RenderedChart, component: string, port: number) =>
      rulesOf(chart, component, "ingress").filter((rule) => at(rule, "toPorts.0.ports.0.port") === String(port));
    const clients = [{ fromEndpoints: [{ matchLabels: CHECK }] }, { fromCIDRSet: [BLOCK.ipBlock] }];
    const throughEnvoy = await cilium(named);
    expect(from(throughEnvoy, "envoy", 8000)).toEqual(clients.map((rule) => ({ ...rule, toPorts: tcp(8000) })));
    expect(from(throughEnvoy, "gateway", 8080)).toMatchObject([
      { fromEndpoints: [{ matchLabels: { "app.kubernetes.io/component": "envoy" } }] },
    ]);
    const direct = await cilium(named, { loadBalancer: { preset: "cloud" } });
    expect(from(direct, "gateway", 8080)).toEqual(clients.map((rule) => ({ ...rule, toPorts: tcp(8080) })));
    expect(from(direct, "publisher", 8081)).toEqual(
      [{ fromEndpoints: [{ matchLabels: CHECK }] }, { fromEndpoints: [{ matchLabels: { app: "pod" } }] }].map(
        (rule) => ({
          ...rule,
          toPorts: tcp(8081),
        }),
      ),
    );
  });

  test("NATS is where it is said to be", async () => {
    const chart = await cilium({ nats: { to: [NAMESPACE, BLOCK], port: 4333 } });
    const nats = rulesOf(chart, "publisher", "egress").filter((rule) => at(rule, "toPorts.0.ports.0.port") === "4333");
    expect(nats).toMatchObject([{ toEndpoints: [expect.anything()] }, { toCIDRSet: [BLOCK.ipBlock] }]);
    const builtIn = await cilium({ nats: { to: [BLOCK] } }, { nats: { servers: [], builtIn: { enabled: true } } });
    expect(rulesOf(builtIn, "gateway", "egress")).toContainEqual({
      toEndpoints: [{ matchLabels: { ...CHECK, "app.kubernetes.io/component": "nats" } }],
      toPorts: tcp(4222),
    });
  });

  test("the collector may be reached where traces are on, by those that make them: everywhere, or where it is said to be", async () => {
    const on = { config: { tracing: { enabled: true } } };
    const to = { toCIDRSet: [BLOCK.ipBlock], toPorts: tcp(4319) };
    const everywhere = { toEntities: ["all"], toPorts: tcp(4318) };
    const [off, open, named] = await Promise.all([
      cilium({}),
      cilium({}, on),
      cilium({ collector: { to: [BLOCK], port: 4319 } }, on),
    ]);
    for (const component of ["gateway", "publisher"]) {
      expect(rulesOf(off, component, "egress")).not.toContainEqual(everywhere);
      expect(rulesOf(open, component, "egress")).toContainEqual(everywhere);
      expect(rulesOf(named, component, "egress")).toContainEqual(to);
    }
  });

  test("further rules are translated with their ports, and those of Cilium's own kind stand as they are", async () => {
    const own = { toFQDNs: [{ matchName: "keys.example.com" }], toPorts: tcp(443) };
    const extraEgress = [
      { to: [BLOCK, POD], ports: [{ port: 8443 }, { port: 5000, endPort: 5010, protocol: "UDP" }, { port: "https" }] },
      { to: [POD] },
      { ports: [{ port: 123, protocol: "UDP" }] },
      own,
    ];
    const chart = await cilium({ extraEgress });
    const toPorts = [
      {
        ports: [
          { port: "8443", protocol: "TCP" },
          { port: "5000", endPort: 5010, protocol: "UDP" },
          { port: "https", protocol: "TCP" },
        ],
      },
    ];
    const expected = [
      { toCIDRSet: [BLOCK.ipBlock], toPorts },
      { toEndpoints: [POD.podSelector], toPorts },
      { toEndpoints: [POD.podSelector] },
      { toEntities: ["all"], toPorts: [{ ports: [{ port: "123", protocol: "UDP" }] }] },
      own,
    ];
    for (const component of ["gateway", "publisher"])
      expect(rulesOf(chart, component, "egress").slice(-expected.length)).toEqual(expected);
  });
});

describe("ports are those of the URLs that the chart knows, whichever kind of policies", () => {
  const TRACED = { tracing: { enabled: true } };
  const withKeys = (...urls: string[]) => ({
    apps: urls.map((jwksUrl, index) => ({ id: `${index}`, key: `k${index}`, secrets: ["s"], token: { jwksUrl } })),
  });

  /** Ports that a gateway may connect to but for those of DNS; the same in both kinds. */
  async function egressPorts(values: object): Promise<number[]> {
    const [ours, cilium] = await Promise.all(
      ["kubernetes", "cilium"].map((flavor) => render({ networkPolicy: { enabled: true, flavor } }, values)),
    );
    const ports = listAt(ours?.get("NetworkPolicy", "carillon-gateway").spec, "egress")
      .flatMap((rule) => listAt(rule, "ports"))
      .map((port) => Number(at(port, "port")));
    const theirs = listAt(cilium?.get("CiliumNetworkPolicy", "carillon-gateway").spec, "egress")
      .flatMap((rule) => listAt(rule, "toPorts.0.ports"))
      .map((port) => Number(at(port, "port")));
    expect([...new Set(theirs)]).toEqual([...new Set(ports)]);
    return [...new Set(ports)].filter((port) => port !== 53);
  }

  test.each([
    ["a server of NATS", { nats: { servers: ["nats://n:5222"] } }, [5222]],
    [
      "servers of NATS, with ports and without",
      { nats: { servers: ["n", "tls://[fd00::1]:5222", "tls://[fd00::1]"] } },
      [4222, 5222],
    ],
    ["the port of NATS's pods", { networkPolicy: { nats: { port: 6222 } } }, [6222]],
    [
      "the built-in NATS, whatever is said of others",
      { nats: { servers: [], builtIn: { enabled: true } }, networkPolicy: { nats: { port: 5222 } } },
      [4222],
    ],
    ["a collector by default", { config: TRACED }, [4222, 4318]],
    [
      "a collector with TLS",
      { config: { tracing: { enabled: true, endpoint: "https://c.example/v1/traces" } } },
      [4222, 443],
    ],
    [
      "a collector with a port",
      { config: { tracing: { enabled: true, endpoint: "http://c:4319/x:1" } } },
      [4222, 4319],
    ],
    [
      "the port of the collector's pods",
      {
        config: { tracing: { enabled: true, endpoint: "http://c:4319" } },
        networkPolicy: { collector: { port: 5318 } },
      },
      [4222, 5318],
    ],
    [
      "keys",
      { config: withKeys("http://keycloak.auth:8080/certs", "https://a.example/keys", "http://b") },
      [4222, 8080, 443, 80],
    ],
    ["keys from the environment", { config: withKeys(fileReference("/etc/carillon/keys/url")) }, [4222, 443]],
  ])("%s", async (_name, values, expected) => {
    expect(await egressPorts(values)).toEqual(expected);
  });
});

test("each value of network policies shows in both kinds", async () => {
  const marks = {
    clientsFrom: [{ ipBlock: { cidr: "10.1.0.0/16" } }],
    publishersFrom: [{ ipBlock: { cidr: "10.2.0.0/16" } }],
    monitoringFrom: [{ ipBlock: { cidr: "10.3.0.0/16" } }],
    nats: { to: [{ ipBlock: { cidr: "10.4.0.0/16" } }], port: 10_222 },
    collector: { to: [{ ipBlock: { cidr: "10.6.0.0/16" } }], port: 10_318 },
    extraEgress: [{ to: [{ ipBlock: { cidr: "10.5.0.0/16" } }] }],
  };
  const values = parse(await readFile(join(CHART, "values.yaml"), "utf8")) as { networkPolicy: object };
  expect(Object.keys(values.networkPolicy).sort()).toEqual(["enabled", "flavor", ...Object.keys(marks)].sort());
  for (const flavor of ["kubernetes", "cilium"]) {
    const tracing = { config: { tracing: { enabled: true } } };
    const { text } = await render(tracing, { networkPolicy: { enabled: true, flavor, ...marks } });
    for (const mark of ["10.1.0.0", "10.2.0.0", "10.3.0.0", "10.4.0.0", "10.5.0.0", "10.6.0.0", "10222", "10318"])
      expect(text, `${flavor}: ${mark}`).toContain(mark);
  }
});
