import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { ApiServer } from "./api-server.ts";
import type { ControlPlane } from "./control-plane.ts";
import { kubeTime, type PodObject } from "./kube-objects.ts";
import { ADDRESSES } from "./sandbox.ts";

const GROUP = "custom.metrics.k8s.io";
const VERSION = "v1beta2";
const SERVICE = "custom-metrics";
const SCRAPE_WITHIN_MS = 2000;

/**
 * The custom metrics API, which autoscalers ask for the metrics of pods. The value of a metric is read from the pod itself, on its
 * port `admin`, and summed over its labels: what Prometheus and its adapter do in a real cluster.
 */
export class CustomMetrics implements AsyncDisposable {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens, and tells the API server about it. */
  static async start({ api, certificates }: ControlPlane): Promise<CustomMetrics> {
    const [key, cert] = await Promise.all(
      ["server.key", "server.crt"].map((name) => readFile(`${certificates}/${name}`)),
    );
    const server = createServer({ key, cert }, (request, response) => {
      void answer(api, new URL(request.url ?? "/", "https://localhost")).then(({ status, body }) => {
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      });
    });
    server.listen(443, ADDRESSES.customMetrics);
    await once(server, "listening");
    await register(api, (await readFile(`${certificates}/ca.crt`)).toString("base64"));
    return new CustomMetrics(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

async function register(api: ApiServer, caBundle: string): Promise<void> {
  const metadata = { name: SERVICE, namespace: "kube-system" };
  const ports = [{ name: "https", port: 443, protocol: "TCP" }];
  await api.post("/api/v1/namespaces/kube-system/services", {
    apiVersion: "v1",
    kind: "Service",
    metadata,
    spec: { clusterIP: ADDRESSES.customMetrics, ports },
  });
  await api.post("/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices", {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { ...metadata, labels: { "kubernetes.io/service-name": SERVICE } },
    addressType: "IPv4",
    ports,
    endpoints: [{ addresses: [ADDRESSES.apiServer], conditions: { ready: true } }],
  });
  await api.post("/apis/apiregistration.k8s.io/v1/apiservices", {
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: { name: `${VERSION}.${GROUP}` },
    spec: {
      group: GROUP,
      version: VERSION,
      groupPriorityMinimum: 100,
      versionPriority: 100,
      service: { ...metadata, port: 443 },
      caBundle,
    },
  });
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function answer(api: ApiServer, url: URL): Promise<Answer> {
  const apiVersion = `${GROUP}/${VERSION}`;
  if (url.pathname.replace(/\/$/, "") === `/apis/${apiVersion}`) {
    return {
      status: 200,
      body: { kind: "APIResourceList", apiVersion: "v1", groupVersion: apiVersion, resources: [] },
    };
  }
  const [, namespace, metric] = /\/namespaces\/([^/]+)\/pods\/[^/]+\/([^/]+)$/.exec(url.pathname) ?? [];
  if (namespace === undefined || metric === undefined) {
    return { status: 404, body: { kind: "Status", apiVersion: "v1", status: "Failure", code: 404 } };
  }
  try {
    const selector = encodeURIComponent(url.searchParams.get("labelSelector") ?? "");
    const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${selector}`;
    const { items } = await api.get<{ items: PodObject[] }>(path);
    const values = await Promise.all(items.filter(isRunning).map((pod) => metricOf(pod, metric)));
    const metadata = {};
    return { status: 200, body: { kind: "MetricValueList", apiVersion, metadata, items: values.flat() } };
  } catch (error) {
    const message = String(error);
    return { status: 503, body: { kind: "Status", apiVersion: "v1", status: "Failure", code: 503, message } };
  }
}

function isRunning({ status, metadata }: PodObject): boolean {
  return status.phase === "Running" && metadata.deletionTimestamp === undefined;
}

/** The pod's value; nothing where it can't be read, which autoscalers know how to deal with. */
async function metricOf({ metadata, spec, status }: PodObject, name: string): Promise<readonly unknown[]> {
  const port = spec.containers.flatMap(({ ports = [] }) => ports).find((each) => each.name === "admin")?.containerPort;
  if (port === undefined || status.podIP === undefined) return [];
  const value = await readMetric(`http://${status.podIP}:${port}`, name);
  if (value === null) return [];
  const describedObject = { kind: "Pod", apiVersion: "/v1", namespace: metadata.namespace, name: metadata.name };
  return [{ describedObject, metric: { name }, timestamp: kubeTime(), value: String(value) }];
}

/** A metric of a process, summed over its labels; null where it can't be read or has none. */
export async function readMetric(url: string, name: string): Promise<number | null> {
  try {
    const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(SCRAPE_WITHIN_MS) })).text();
    const lines = text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    if (lines.length === 0) return null;
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  } catch {
    // It is starting or ending.
    return null;
  }
}
