import { configSchema } from "./config-schema.ts";
import { closed, type JsonSchema, OPEN } from "./json-schema.ts";

const LABELS: JsonSchema = { type: "object", additionalProperties: { type: "string" } };
const OBJECTS: JsonSchema = { type: "array", items: OPEN };
const NAMED_OBJECTS: JsonSchema = {
  type: "array",
  items: { type: "object", properties: { name: { type: "string", minLength: 1 } }, required: ["name"] },
};
// Kubernetes takes no numbers and no booleans for texts.
const ENVIRONMENT: JsonSchema = {
  type: "array",
  items: {
    type: "object",
    properties: { name: { type: "string", minLength: 1 }, value: { type: ["string", "null"] } },
    required: ["name"],
  },
};
const TEXTS: JsonSchema = { type: "array", items: { type: "string", minLength: 1 } };
const PORT: JsonSchema = { type: "integer", minimum: 1, maximum: 65_535 };
const PORT_OR_DEFAULT: JsonSchema = { type: "integer", minimum: 0, maximum: 65_535 };
const REPLICAS: JsonSchema = { type: "integer", minimum: 1, maximum: 10_000 };
const SURGE: JsonSchema = {
  anyOf: [
    { type: "integer", minimum: 1, maximum: 1000 },
    { type: "string", pattern: "^([1-9]\\d?|100)%$" },
  ],
};
const QUANTITIES: JsonSchema = { type: "object", additionalProperties: { type: ["string", "integer", "number"] } };

const choice = (...words: string[]): JsonSchema => ({ type: "string", enum: words });
const range = (minimum: number, maximum: number): JsonSchema => ({ type: "integer", minimum, maximum });

/** Rules by the last key, wherever it stands. */
const BY_KEY: Readonly<Record<string, JsonSchema>> = {
  annotations: LABELS,
  labels: LABELS,
  commonLabels: LABELS,
  podAnnotations: LABELS,
  podLabels: LABELS,
  nodeSelector: LABELS,
  affinity: OPEN,
  tolerations: OBJECTS,
  topologySpreadConstraints: {
    type: "array",
    items: { type: "object", required: ["maxSkew", "topologyKey", "whenUnsatisfiable"] },
  },
  resources: closed({ requests: QUANTITIES, limits: QUANTITIES, claims: NAMED_OBJECTS }),
  behavior: closed({ scaleUp: OPEN, scaleDown: OPEN }),
  extraEnv: ENVIRONMENT,
  extraEnvFrom: OBJECTS,
  extraVolumes: NAMED_OBJECTS,
  extraVolumeMounts: NAMED_OBJECTS,
  extraContainers: NAMED_OBJECTS,
  initContainers: NAMED_OBJECTS,
  extraArgs: TEXTS,
  relabelings: OBJECTS,
  metricRelabelings: OBJECTS,
  imagePullSecrets: TEXTS,
  // As Kubernetes takes them for an Ingress and an HTTPRoute.
  hosts: { type: "array", items: { type: "string", pattern: "^(\\*\\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$" } },
  parentRefs: NAMED_OBJECTS,
  pullPolicy: choice("Always", "IfNotPresent", "Never"),
  digest: { type: "string", pattern: "^(sha256:[0-9a-f]{64})?$" },
  // No number: 1.10 would be 1.1, and 20261130 would be 2.026113e+07.
  tag: { type: "string" },
  replicas: REPLICAS,
  minReplicas: REPLICAS,
  maxReplicas: REPLICAS,
  connectionsPerPod: range(1, 10_000_000),
};

/** Rules for single values, which win over those by key. */
const BY_PATH: Readonly<Record<string, JsonSchema>> = {
  config: configSchema(),
  "secrets.values": { type: "object", additionalProperties: { type: "string", minLength: 1 } },
  listenHost: choice("0.0.0.0", "::"),
  revisionHistoryLimit: range(0, 100),
  // No `@`: what stands before it would be read in the ConfigMap.
  "nats.servers": { type: "array", items: { type: "string", pattern: "^((nats|tls)://)?[^/\\s@]+$" } },
  "nats.auth.method": choice("none", "userPassword", "token", "nkey", "creds"),
  "nats.builtIn.maxFileStore": { type: "string", pattern: "^\\d+([KMGT]i?B?)?$" },
  // Below 5 seconds no load balancer has noticed.
  "gateway.drain.delaySeconds": range(5, 600),
  "gateway.drain.spreadSeconds": range(0, 3600),
  "gateway.maxSurge": SURGE,
  "publisher.service.type": choice("ClusterIP", "NodePort", "LoadBalancer"),
  "publisher.service.port": PORT,
  "publisher.autoscaling.cpuPercent": range(1, 1000),
  "webhooks.replicas": range(0, 1000),
  "loadBalancer.preset": choice("envoy", "cloud", "cilium", "none"),
  "loadBalancer.service.type": choice("", "ClusterIP", "NodePort", "LoadBalancer"),
  "loadBalancer.service.port": PORT_OR_DEFAULT,
  "loadBalancer.service.nodePort": PORT_OR_DEFAULT,
  "loadBalancer.service.externalTrafficPolicy": choice("Local", "Cluster"),
  "loadBalancer.service.affinitySeconds": range(1, 86_400),
  "loadBalancer.service.loadBalancerSourceRanges": TEXTS,
  "loadBalancer.service.ipFamilyPolicy": choice("", "SingleStack", "PreferDualStack", "RequireDualStack"),
  "loadBalancer.service.ipFamilies": { type: "array", items: choice("IPv4", "IPv6"), uniqueItems: true },
  "loadBalancer.envoy.mode": choice("tcp", "http"),
  "loadBalancer.envoy.maxSurge": SURGE,
  "loadBalancer.envoy.maxConnections": range(1, 10_000_000),
  "loadBalancer.envoy.drainSeconds": range(5, 86_400),
  "loadBalancer.envoy.drain.delaySeconds": range(5, 600),
  "loadBalancer.envoy.drain.spreadSeconds": range(0, 3600),
  "loadBalancer.envoy.concurrency": range(1, 256),
  "loadBalancer.envoy.dnsLookupFamily": choice("V4_PREFERRED", "V4_ONLY", "V6_ONLY", "AUTO", "ALL"),
  "loadBalancer.envoy.logLevel": choice("trace", "debug", "info", "warning", "error", "critical", "off"),
  "loadBalancer.envoy.sysctls": {
    type: "array",
    items: closed({ name: { type: "string" }, value: { type: "string" } }, ["name", "value"]),
  },
  "clientAddress.from": choice("socket", "xForwardedFor", "proxyProtocol"),
  "clientAddress.trustedProxies": TEXTS,
  "networkPolicy.flavor": choice("kubernetes", "cilium"),
  "networkPolicy.clientsFrom": OBJECTS,
  "networkPolicy.publishersFrom": OBJECTS,
  "networkPolicy.monitoringFrom": OBJECTS,
  "networkPolicy.nats.to": OBJECTS,
  "networkPolicy.nats.port": PORT_OR_DEFAULT,
  "networkPolicy.collector.to": OBJECTS,
  "networkPolicy.collector.port": PORT_OR_DEFAULT,
  "networkPolicy.extraEgress": OBJECTS,
  "monitoring.prometheusRule.runbookBaseUrl": { type: "string", pattern: '^(https?://[^\\s"$]+)?$' },
  podSecurityContext: OPEN,
  securityContext: OPEN,
  extraObjects: { type: "array", items: { type: ["object", "string"] } },
};

/** What a value has to be, where its default doesn't say all of it; undefined where it does. */
export function valueRule(path: readonly string[]): JsonSchema | undefined {
  return BY_PATH[path.join(".")] ?? BY_KEY[path.at(-1) ?? ""];
}

/** The paths that have rules of their own: each must be a value. */
export const RULED_PATHS: readonly string[] = Object.keys(BY_PATH);
