import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { eventually } from "@carillon/testkit";
import { ApiServer } from "./api-server.ts";
import { makeCertificates } from "./certificates.ts";
import { ADDRESSES, LOG_FOLDER, REPOSITORY, sandboxFolder } from "./sandbox.ts";
import { shell } from "./shell.ts";

const BUILD = `${REPOSITORY}/packages/e2e/kube/control-plane/ensure-control-plane.mjs`;
const ETCD = "http://127.0.0.1:2379";
const READY_WITHIN_MS = 120_000;

// Nobody but the sandbox can reach the API server, so this is no secret.
const TOKEN = "administrator";

/** Every pod of every namespace has to keep to the "restricted" profile, or is refused. */
const ADMISSION = `apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
  - name: PodSecurity
    configuration:
      apiVersion: pod-security.admission.config.k8s.io/v1
      kind: PodSecurityConfiguration
      defaults: { enforce: restricted, enforce-version: latest, audit: restricted, warn: restricted }
`;

/** etcd, kube-apiserver, kube-controller-manager and kube-scheduler, the real ones, as processes. */
export class ControlPlane implements AsyncDisposable {
  readonly api: ApiServer;
  /** For kubectl and helm. */
  readonly kubeconfig: string;
  /** Has `ca.crt`, `server.crt` and `server.key`. */
  readonly certificates: string;
  readonly #processes: readonly ChildProcess[];

  private constructor(api: ApiServer, folder: string, processes: readonly ChildProcess[]) {
    this.api = api;
    this.kubeconfig = `${folder}/kubeconfig.yaml`;
    this.certificates = folder;
    this.#processes = processes;
  }

  /** Resolves when the API server is ready and pods can be made in the default namespace. */
  static async start(): Promise<ControlPlane> {
    const folder = `${sandboxFolder()}/control-plane`;
    // What a cluster before this one has left.
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await mkdir(LOG_FOLDER, { recursive: true });
    await shell(`ip addr replace ${ADDRESSES.apiServer}/32 dev lo`);
    await makeCertificates(folder);
    await writeFile(`${folder}/tokens.csv`, `${TOKEN},administrator,administrator,"system:masters"\n`);
    await writeFile(`${folder}/admission.yaml`, ADMISSION);
    await writeFile(`${folder}/kubeconfig.yaml`, kubeconfig(folder));
    const binary = execFileSync("node", [BUILD], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
    const api = new ApiServer({ certificateAuthority: await readFile(`${folder}/ca.crt`, "utf8"), token: TOKEN });
    const processes: ChildProcess[] = [];
    for (const [role, args] of rolesOf(folder)) processes.push(await startRole(binary, role, args));
    const plane = new ControlPlane(api, folder, processes);
    try {
      await eventually(() => api.get("/api/v1/namespaces/default/serviceaccounts/default"), {
        timeoutMs: READY_WITHIN_MS,
        intervalMs: 100,
      });
      return plane;
    } catch (error) {
      await plane[Symbol.asyncDispose]();
      throw new Error(`the control plane was not ready in time: its logs are in ${LOG_FOLDER}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api[Symbol.asyncDispose]();
    // The last started is the first to go; none has anything to keep.
    for (const each of [...this.#processes].reverse()) {
      if (each.exitCode !== null || each.signalCode !== null) continue;
      const exited = once(each, "exit");
      each.kill("SIGKILL");
      await exited;
    }
  }
}

async function startRole(binary: string, role: string, args: readonly string[]): Promise<ChildProcess> {
  const log = await open(`${LOG_FOLDER}/${role}.log`, "w");
  try {
    return spawn(binary, [role, ...args], { stdio: ["ignore", log.fd, log.fd] });
  } finally {
    await log.close();
  }
}

function rolesOf(folder: string): readonly (readonly [role: string, args: readonly string[]])[] {
  const issuer = "https://kubernetes.default.svc";
  const client = [`--kubeconfig=${folder}/kubeconfig.yaml`, "--leader-elect=false", "--bind-address=127.0.0.1"];
  return [
    ["etcd", [`${folder}/etcd`, ETCD, "http://127.0.0.1:2380"]],
    [
      "kube-apiserver",
      [
        `--etcd-servers=${ETCD}`,
        `--bind-address=${ADDRESSES.apiServer}`,
        `--advertise-address=${ADDRESSES.apiServer}`,
        `--secure-port=${ADDRESSES.apiPort}`,
        `--tls-cert-file=${folder}/server.crt`,
        `--tls-private-key-file=${folder}/server.key`,
        `--client-ca-file=${folder}/ca.crt`,
        `--service-cluster-ip-range=${ADDRESSES.services}`,
        "--endpoint-reconciler-type=none",
        "--authorization-mode=RBAC",
        `--token-auth-file=${folder}/tokens.csv`,
        `--service-account-issuer=${issuer}`,
        `--service-account-key-file=${folder}/accounts.key`,
        `--service-account-signing-key-file=${folder}/accounts.key`,
        `--admission-control-config-file=${folder}/admission.yaml`,
        "--profiling=false",
      ],
    ],
    [
      "kube-controller-manager",
      [
        ...client,
        `--service-account-private-key-file=${folder}/accounts.key`,
        `--root-ca-file=${folder}/ca.crt`,
        `--cluster-signing-cert-file=${folder}/ca.crt`,
        `--cluster-signing-key-file=${folder}/ca.key`,
        "--allocate-node-cidrs=false",
        "--horizontal-pod-autoscaler-sync-period=5s",
      ],
    ],
    ["kube-scheduler", client],
  ];
}

function kubeconfig(folder: string): string {
  return `apiVersion: v1
kind: Config
clusters:
  - name: cluster
    cluster: { server: "https://${ADDRESSES.apiServer}:${ADDRESSES.apiPort}", certificate-authority: ${folder}/ca.crt }
users: [{ name: administrator, user: { token: ${TOKEN} } }]
contexts: [{ name: cluster, context: { cluster: cluster, user: administrator } }]
current-context: cluster
`;
}
