import { eventually } from "@carillon/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Cluster } from "../cluster.ts";
import type { PodObject } from "../kube-objects.ts";
import { shell } from "../shell.ts";

const PODS = "/api/v1/namespaces/default/pods";
const RESTRICTED = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  runAsUser: 1234,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

/** A pod that runs lines of bash. */
function podOf(name: string, script: string, securityContext: object = RESTRICTED) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", labels: { app: name } },
    spec: {
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 5,
      automountServiceAccountToken: false,
      containers: [
        {
          name: "main",
          image: "example.com/tools:1",
          args: [script],
          securityContext,
          ports: [{ name: "http", containerPort: 8000 }],
          readinessProbe: { tcpSocket: { port: "http" }, periodSeconds: 1 },
        },
      ],
    },
  };
}

function phaseOf(name: string): Promise<string | undefined> {
  return cluster.plane.api.get<PodObject>(`${PODS}/${name}`).then(({ status }) => status.phase);
}

test("a pod outside of the restricted profile is refused, and told why", async () => {
  const refused = cluster.plane.api.post(PODS, podOf("loose", "true", {}));
  await expect(refused).rejects.toThrow(/403.*violates PodSecurity "restricted:latest".*runAsNonRoot/);
});

test("a container is its user, without capabilities, on a root that it can't write to", async () => {
  const script =
    "[[ $(id -u) == 1234 ]] && ! touch /somewhere 2>/dev/null && grep -q 'CapEff:\\s*0*$' /proc/self/status";
  await cluster.plane.api.post(PODS, podOf("confined", script));
  await eventually(async () => expect(await phaseOf("confined")).toBe("Succeeded"), { timeoutMs: 30_000 });
});

test("a service leads to the pods that are ready, by its name", async () => {
  const { api } = cluster.plane;
  const serve = "exec node -e \"require('http').createServer((q,s)=>s.end('served')).listen(8000)\"";
  await api.post(PODS, podOf("served", serve));
  await api.post("/api/v1/namespaces/default/services", {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "served" },
    spec: { selector: { app: "served" }, ports: [{ port: 80, targetPort: "http" }] },
  });
  const ask =
    "until [[ $(node -e \"fetch('http://served.default').then(a=>a.text()).then(console.log,()=>{})\") == served ]]; do sleep 0.1; done";
  await api.post(PODS, podOf("asking", ask));
  await eventually(async () => expect(await phaseOf("asking")).toBe("Succeeded"), { timeoutMs: 30_000 });
});

test("a pod that is deleted is gone with its network, within its grace period", async () => {
  const { api } = cluster.plane;
  await api.post(PODS, podOf("stubborn", "trap '' TERM; while true; do sleep 1; done"));
  await eventually(async () => expect(await phaseOf("stubborn")).toBe("Running"), { timeoutMs: 30_000 });
  const { metadata } = await api.get<PodObject>(`${PODS}/stubborn`);
  const isOnTheNetwork = async () => (await shell("ip netns list")).includes(metadata.uid.slice(0, 13));
  expect(await isOnTheNetwork()).toBe(true);
  await api.delete(`${PODS}/stubborn?gracePeriodSeconds=2`);
  await eventually(() => expect(api.get(`${PODS}/stubborn`)).rejects.toThrow("404"), { timeoutMs: 30_000 });
  expect(await isOnTheNetwork()).toBe(false);
});

test("nothing went wrong unnoticed", () => {
  expect(cluster.agent.failures).toEqual([]);
});
