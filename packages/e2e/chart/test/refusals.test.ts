import { describe, expect, test } from "vitest";
import { ENOUGH, fileReference, helm, refusal } from "./support/chart.ts";

const APP = { id: "1", key: "k", secrets: [fileReference("/etc/carillon/secrets/app-secret")] };

/** Values that are right by themselves and wrong together, and what the message tells to do. */
const CONTRADICTIONS: readonly (readonly [string, object, RegExp])[] = [
  ["no apps", { config: { apps: [] } }, /Name at least one app/],
  ["a switch that only a chart around this one has", { enabled: false }, /condition: carillon\.enabled/],
  ["no NATS", { nats: { servers: [] } }, /nats\.builtIn\.enabled=true/],
  ["two kinds of NATS", { nats: { builtIn: { enabled: true } } }, /exclude each other/],
  ["credentials without a Secret", { nats: { auth: { method: "token" } } }, /nats\.auth\.existingSecret must name/],
  ["a Secret without a way to sign in", { nats: { auth: { existingSecret: "a" } } }, /say what is in the Secret/],
  [
    "a client certificate for NATS without a Secret",
    { nats: { tls: { clientCertificate: true } } },
    /nats\.tls\.existingSecret must name/,
  ],
  [
    "a gateway's credentials without a way to sign in",
    { gateway: { natsExistingSecret: "a" } },
    /gateway\.natsExistingSecret is set but nats\.auth\.method is "none"/,
  ],
  [
    "those of what runs beside Envoy",
    { loadBalancer: { envoy: { drain: { natsExistingSecret: "a" } } } },
    /loadBalancer\.envoy\.drain\.natsExistingSecret is set/,
  ],
  [
    "a certificate for an Envoy that there isn't",
    { loadBalancer: { preset: "cloud", envoy: { tls: { existingSecret: "a" } } } },
    /set loadBalancer\.preset=envoy/,
  ],
  [
    "accounts at the built-in NATS",
    { nats: { servers: [], builtIn: { enabled: true }, auth: { method: "token", existingSecret: "a" } } },
    /has no accounts/,
  ],
  ["two kinds of secrets", { secrets: { existingSecret: "a", values: { b: "c" } } }, /exclude each other/],
  ["a file of a Secret that is not mounted", { config: { apps: [APP] } }, /secrets\.existingSecret/],
  [
    "two autoscalers",
    { gateway: { autoscaling: { enabled: true }, keda: { enabled: true, prometheus: "http://p" } } },
    /Switch one off/,
  ],
  ["KEDA without Prometheus", { gateway: { keda: { enabled: true } } }, /gateway\.keda\.prometheus/],
  [
    "more gateways at least than at most",
    { gateway: { autoscaling: { enabled: true, minReplicas: 9, maxReplicas: 8 } } },
    /gateway\.autoscaling\.minReplicas is 9/,
  ],
  [
    "more publishers at least than at most",
    { publisher: { autoscaling: { enabled: true, minReplicas: 9, maxReplicas: 8 } } },
    /publisher\.autoscaling/,
  ],
  [
    "the drain from the environment",
    { gateway: { extraEnv: [{ name: "CARILLON_GATEWAY_DRAIN_SPREAD_SECONDS", value: "900" }] } },
    /set gateway\.drain instead/,
  ],
  [
    "a port from the environment",
    { extraEnv: [{ name: "CARILLON_PORT", value: "80" }] },
    /ports .* are the chart's own/,
  ],
  [
    "workers from the environment",
    { gateway: { extraEnv: [{ name: "CARILLON_GATEWAY_WORKERS", value: "4" }] } },
    /set gateway\.replicas/,
  ],
  [
    "the address of probes from the environment",
    { extraEnv: [{ name: "CARILLON_ADMIN_HOST", value: "127.0.0.1" }] },
    /addresses .* are the chart's own/,
  ],
  [
    "the address of clients from the environment",
    { publisher: { extraEnv: [{ name: "CARILLON_HOST", value: "127.0.0.1" }] } },
    /addresses .* are the chart's own/,
  ],
  [
    "NATS from the environment",
    { extraEnv: [{ name: "CARILLON_NATS", value: "nats://other:4222" }] },
    /name your servers in nats\.servers/,
  ],
  [
    "a webhook's time from the environment",
    { webhooks: { extraEnv: [{ name: "CARILLON_WEBHOOKS_TIMEOUT_SECONDS", value: "60" }] } },
    /Set config\.webhooks\.timeoutSeconds/,
  ],
  [
    "a webhook's time from elsewhere",
    { config: { webhooks: { timeoutSeconds: fileReference("/run/timeout") } } },
    /Write the number of seconds/,
  ],
  [
    "X-Forwarded-For from everybody",
    { clientAddress: { from: "xForwardedFor" }, loadBalancer: { preset: "none" } },
    /trustedProxies must say/,
  ],
  [
    "X-Forwarded-For from where none is made",
    { clientAddress: { from: "xForwardedFor", trustedProxies: ["10.0.0.0/8"] } },
    /loadBalancer\.envoy\.mode=http/,
  ],
  ["PROXY protocol unforced", { clientAddress: { from: "proxyProtocol" } }, /clientAddress\.force=true/],
  [
    "an Ingress before stickiness by address",
    { loadBalancer: { ingress: { enabled: true, hosts: ["a.example"] } } },
    /loadBalancer\.preset=none/,
  ],
  [
    "a node's port without a Service that has one",
    { loadBalancer: { service: { nodePort: 30_080 } } },
    /loadBalancer\.service\.type to NodePort/,
  ],
  [
    "addresses that a cloud's load balancer is to let in, without one",
    { loadBalancer: { service: { type: "NodePort", loadBalancerSourceRanges: ["10.0.0.0/8"] } } },
    /loadBalancerSourceRanges is set, .* loadBalancer\.service\.type=LoadBalancer/,
  ],
  ["a name that no Service may have", { fullnameOverride: "My_Realtime" }, /set fullnameOverride/],
  ["an Ingress without hosts", { publisher: { ingress: { enabled: true } } }, /publisher\.ingress\.hosts/],
  [
    "an Ingress to publishers that there aren't",
    { publisher: { enabled: false, ingress: { enabled: true, hosts: ["a.example"] } } },
    /publisher\.ingress\.enabled leads to publishers/,
  ],
  [
    "an HTTPRoute without a Gateway",
    { publisher: { httpRoute: { enabled: true } } },
    /publisher\.httpRoute\.parentRefs/,
  ],
];

describe("refused, with what to do about it", () => {
  test.each(CONTRADICTIONS)("%s", async (_name, values, hint) => {
    expect(await refusal(values)).toMatch(hint);
  });

  test("a release whose name no Service may have", async () => {
    const { code, stderr } = await helm("template", { values: [ENOUGH], release: "realtime.eu" });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/"realtime\.eu-carillon".* set fullnameOverride/);
  });

  test("a Kubernetes that is too old", async () => {
    const { code, stderr } = await helm("template", { kubernetesVersion: "1.29.0" });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/1\.30/);
  });
});
