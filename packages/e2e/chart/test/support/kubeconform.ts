import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../../test/support/run.ts";
import { ensured } from "./tools.ts";

/** What kubeconform found. */
export interface Conformity {
  readonly valid: number;
  /** Each object that isn't, and why; also those whose kind has no schema. */
  readonly problems: readonly string[];
}

/** Checks objects against the schemas of a version of Kubernetes, and against those of CRDs; members that no schema names are problems. */
export async function conform(text: string, kubernetesVersion: string): Promise<Conformity> {
  const folder = await mkdtemp(join(tmpdir(), "carillon-objects-"));
  try {
    const file = join(folder, "objects.yaml");
    await writeFile(file, text);
    const schemas = ensured("kubernetes-schemas");
    const { stdout, stderr } = await run(ensured("kubeconform"), [
      ...["-strict", "-summary", "-output", "json", "-kubernetes-version", kubernetesVersion],
      "-schema-location",
      `${schemas}/{{.NormalizedKubernetesVersion}}-local{{.StrictSuffix}}/{{.ResourceKind}}{{.KindSuffix}}.json`,
      "-schema-location",
      `${schemas}/crds/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json`,
      file,
    ]);
    if (stdout === "") throw new Error(stderr);
    const report = JSON.parse(stdout) as {
      readonly resources: readonly { readonly kind: string; readonly name: string; readonly msg: string }[] | null;
      readonly summary: { readonly valid: number };
    };
    const problems = (report.resources ?? []).map(({ kind, name, msg }) => `${kind}/${name}: ${msg}`);
    return { valid: report.summary.valid, problems };
  } finally {
    await rm(folder, { recursive: true });
  }
}
