import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Outcome, ROOT, run } from "../../../test/support/run.ts";
import { RenderedChart } from "./rendered-chart.ts";
import { ensured } from "./tools.ts";

/** The chart's folder. */
export const CHART = join(ROOT, "helm/carillon");

/** Versions of Kubernetes that the chart is checked against: the oldest that it is for, one between, and a new one. */
export const KUBERNETES_VERSIONS = ["1.30.0", "1.33.0", "1.37.0"] as const;

/** Values that are enough for a release. */
export const ENOUGH = {
  config: { apps: [{ id: "1001", key: "app-key", secrets: ["a-secret"] }] },
  nats: { servers: ["nats://nats:4222"] },
} as const;

/** What stands in the configuration for the content of a file. */
export const fileReference = (path: string): string => `\${file:${path}}`;

/** What to make of which chart. */
export interface RenderOptions {
  /** Files of values, before `values`. */
  readonly files?: readonly string[];
  /** Values, each over those before it. */
  readonly values?: readonly object[];
  readonly kubernetesVersion?: string;
  readonly release?: string;
  /** Another folder than {@link CHART}. */
  readonly chart?: string;
}

/** Files below ci/, each a whole set of values. */
export async function valuesFiles(): Promise<readonly string[]> {
  const names = await readdir(join(CHART, "ci"));
  return names.sort().map((name) => join(CHART, "ci", name));
}

/** What `helm template` makes with these values over {@link ENOUGH}. Throws with what Helm said when it makes nothing. */
export function render(...values: readonly object[]): Promise<RenderedChart> {
  return renderWith({ values: [ENOUGH, ...values] });
}

/** The same with everything to choose. */
export async function renderWith(options: RenderOptions): Promise<RenderedChart> {
  const { code, stdout, stderr } = await helm("template", options);
  if (code !== 0) throw new Error(stderr);
  return new RenderedChart(stdout);
}

/** Why `helm template` refuses these values over {@link ENOUGH}. Throws when it doesn't. */
export async function refusal(...values: readonly object[]): Promise<string> {
  const { code, stderr } = await helm("template", { values: [ENOUGH, ...values] });
  if (code === 0) throw new Error("nothing was refused");
  return stderr;
}

/** Runs `helm template` or `helm lint` on the chart. */
export async function helm(command: "template" | "lint", options: RenderOptions): Promise<Outcome> {
  const { files = [], values = [], release = "carillon", chart = CHART } = options;
  const folder = await mkdtemp(join(tmpdir(), "carillon-chart-"));
  try {
    const written = values.map((_, index) => join(folder, `${index}.json`));
    for (const [index, path] of written.entries()) await writeFile(path, JSON.stringify(values[index]));
    return await run(ensured("helm"), [
      command,
      ...(command === "template" ? [release] : ["--strict"]),
      chart,
      // Without it Helm takes the cluster for an old one.
      ...["--kube-version", options.kubernetesVersion ?? "1.37.0"],
      ...[...files, ...written].flatMap((path) => ["--values", path]),
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
}
