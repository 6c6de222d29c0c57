import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Root of the repository. Found from the sources, wherever this file is compiled to. */
export const REPOSITORY = execFileSync("git", ["rev-parse", "--show-toplevel"], {
  cwd: fileURLToPath(new URL(".", import.meta.url)),
  encoding: "utf8",
}).trim();

/** Where the logs of a run stay: one file for each process of the control plane, and for each container. */
export const LOG_FOLDER = `${REPOSITORY}/node_modules/.cache/carillon/kube`;

/** The private folder of the sandbox. Throws outside of one, as the addresses would be those of the machine. */
export function sandboxFolder(): string {
  const folder = process.env["CARILLON_KUBE_SANDBOX"];
  if (folder === undefined)
    throw new Error("these tests run in namespaces of their own: start them with `make e2e-kube`");
  return folder;
}

/** Addresses inside the sandbox. */
export const ADDRESSES = {
  apiServer: "10.0.0.1",
  apiPort: 6443,
  dns: "10.96.0.10",
  services: "10.96.0.0/16",
  customMetrics: "10.96.0.50",
  /** First pod is .2 of it. */
  podBridge: "10.244.0.1",
  podPrefix: "10.244",
  /** Each client has an address of its own here. */
  clients: "10.245.0.0/16",
} as const;
