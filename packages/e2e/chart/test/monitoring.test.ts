import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { CHART, ENOUGH, helm, refusal, render, renderWith } from "./support/chart.ts";
import { conform } from "./support/kubeconform.ts";
import { at, listAt } from "./support/kubernetes-object.ts";

const RULES = `groups:
  - name: carillon
    rules:
      - alert: Example
        expr: sum(carillon_connections) < 1
        annotations:
          summary: "{{ $labels.pod }} has {{ $value }} connections"
`;
const DASHBOARD = '{ "title": "Example", "panels": [{ "legendFormat": "{{pod}}" }] }\n';

/** A copy of the chart with one dashboard, and with these alerts or none. */
async function copyWith(rules: string | null, into: string): Promise<string> {
  const chart = join(into, "carillon");
  await cp(CHART, chart, { recursive: true });
  await rm(join(chart, "files"), { recursive: true, force: true });
  for (const folder of ["dashboards", "alerts"]) await mkdir(join(chart, "files", folder), { recursive: true });
  await writeFile(join(chart, "files/dashboards/overview.json"), DASHBOARD);
  if (rules !== null) await writeFile(join(chart, "files/alerts/carillon.rules.yaml"), rules);
  return chart;
}

test("alerts and dashboards get into the cluster as they are, braces and all, with the labels that are asked for", async () => {
  const folder = await mkdtemp(join(tmpdir(), "carillon-monitoring-"));
  try {
    const monitoring = {
      prometheusRule: { enabled: true, labels: { release: "prometheus" } },
      dashboards: {
        enabled: true,
        namespace: "grafana",
        labels: { grafana_dashboard: "yes" },
        annotations: { folder: "Us" },
      },
    };
    const chart = await renderWith({ chart: await copyWith(RULES, folder), values: [ENOUGH, { monitoring }] });
    const rule = chart.get("PrometheusRule", "carillon");
    expect(rule.spec).toEqual(parse(RULES));
    expect(rule.metadata.labels).toMatchObject({ release: "prometheus" });
    expect(chart.file("carillon-dashboard-overview", "overview.json")).toBe(DASHBOARD);
    expect(chart.get("ConfigMap", "carillon-dashboard-overview").metadata).toMatchObject({
      namespace: "grafana",
      labels: { grafana_dashboard: "yes" },
      annotations: { folder: "Us" },
    });
    expect((await conform(chart.text, "1.37.0")).problems).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("alerts that are asked for and not there are missed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "carillon-monitoring-"));
  try {
    const monitoring = { prometheusRule: { enabled: true } };
    const outcome = await helm("template", { chart: await copyWith(null, folder), values: [ENOUGH, { monitoring }] });
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining("files/alerts/carillon.rules.yaml") });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.each([{}, { fullnameOverride: "realtime" }])(
  "the alert of targets that don't answer knows every target by its job, whatever the release is called: %j",
  async (name) => {
    const relabelings = [{ sourceLabels: ["pod"], targetLabel: "who" }];
    const monitoring = { podMonitor: { enabled: true, relabelings }, prometheusRule: { enabled: true } };
    const chart = await renderWith({
      release: "shop",
      values: [ENOUGH, { fullnameOverride: "carillon", ...name, monitoring }],
    });
    const selector = /expr: up\{job=~"([^"]+)"\}/.exec(chart.text)?.[1];
    const monitors = chart.objects.filter(({ kind }) => kind === "PodMonitor");
    expect(monitors).toHaveLength(2);
    for (const { metadata, spec } of monitors) {
      const rules = listAt(spec, "podMetricsEndpoints.0.relabelings");
      const ofJob = rules.find((rule) => at(rule, "targetLabel") === "job");
      // What the Prometheus operator calls a job that nothing relabels.
      const job = at(ofJob, "replacement") ?? `${metadata.namespace}/${metadata.name}`;
      expect(job).toMatch(new RegExp(`^(?:${selector})$`));
      expect(rules.at(-1)).toEqual(relabelings[0]);
    }
    expect((await conform(chart.text, "1.37.0")).problems).toEqual([]);
  },
);

test("alerts name their pages in the repository, and link to where they are served once that is said", async () => {
  const annotationsWith = async (prometheusRule: object) => {
    const chart = await render({ monitoring: { prometheusRule: { enabled: true, ...prometheusRule } } });
    const rules = listAt(chart.get("PrometheusRule", "carillon").spec, "groups").flatMap((group) =>
      listAt(group, "rules"),
    );
    return rules.map((rule) => [String(at(rule, "alert")), at(rule, "annotations")] as const);
  };
  const plain = await annotationsWith({});
  expect(plain.length).toBeGreaterThan(20);
  for (const [alert, annotations] of plain) {
    expect(annotations).toMatchObject({ runbook: `docs/runbooks/${alert}.md` });
    expect(annotations).not.toHaveProperty("runbook_url");
  }
  for (const runbookBaseUrl of ["https://wiki.example/runbooks", "https://wiki.example/runbooks/"]) {
    const linked = await annotationsWith({ runbookBaseUrl });
    expect(linked).toEqual(
      plain.map(([alert, annotations]) => [
        alert,
        { ...(annotations as object), runbook_url: `https://wiki.example/runbooks/${alert}.md` },
      ]),
    );
  }
  const wrong = { prometheusRule: { enabled: true, runbookBaseUrl: "wiki.example" } };
  expect(await refusal({ monitoring: wrong })).toContain("runbookBaseUrl");
});
