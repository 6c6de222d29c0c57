import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "../../../test/support/run.ts";

const paths = new Map<string, string>();

/** What `packages/testkit/tools/ensure-NAME.mjs` prints: the path of a program, or of a folder. Fetched at most once. */
export function ensured(name: "helm" | "kubeconform" | "helm-docs" | "envoy" | "kubernetes-schemas"): string {
  const known = paths.get(name);
  if (known !== undefined) return known;
  const script = join(ROOT, "packages/testkit/tools", `ensure-${name}.mjs`);
  const path = execFileSync(process.execPath, [script], { encoding: "utf8", stdio: ["ignore", "pipe", 2] }).trim();
  paths.set(name, path);
  return path;
}
