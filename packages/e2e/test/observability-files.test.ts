import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { dashboardFiles } from "../dashboards/files.ts";
import { RULES_PATH, writtenDashboards } from "./support/dashboard-files.ts";
import { prometheusPath } from "./support/prometheus.ts";

const RUNBOOKS = new URL("../../../docs/runbooks/", import.meta.url);
const rules = readFileSync(RULES_PATH, "utf8")
  .split("- alert: ")
  .slice(1)
  .map((text) => ({ alert: text.slice(0, text.indexOf("\n")), text }));

test("dashboards › the files are what `make dashboards` writes", () => {
  const written = new Map(writtenDashboards().map(({ file, text }) => [file, text]));
  expect([...written.keys()].sort()).toEqual([...dashboardFiles().keys()].sort());
  for (const [file, content] of dashboardFiles()) expect(written.get(file) === content, file).toBe(true);
});

test.each(writtenDashboards())(
  "dashboards › $file has panels with ids, units, descriptions and a free choice of source",
  ({ panels, templating }) => {
    expect(templating.list.filter(({ type }) => type === "datasource").map(({ name }) => name)).toEqual(["datasource"]);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { type, title, description, datasource, fieldConfig, targets } of panels) {
      if (type === "row") continue;
      expect([title, datasource?.uid]).toEqual([title, "$datasource"]);
      expect(description, title).toMatch(/\.$/);
      expect(fieldConfig?.defaults.unit, title).toBeTruthy();
      expect(targets?.length, title).toBeGreaterThan(0);
    }
  },
);

test("alerts › each says what is wrong, how bad it is, and has a page that says what to do; each page has its alert", () => {
  expect(rules.length).toBeGreaterThan(0);
  for (const { alert, text } of rules) {
    expect(text, alert).toMatch(/ for: \d+m\n/);
    expect(text, alert).toMatch(/severity: (critical|warning)\n/);
    expect(text, alert).toMatch(/summary: \S.*\n\s+description: "\S/);
    expect(text, alert).toContain(`runbook: docs/runbooks/${alert}.md\n`);
  }
  const pages = readdirSync(RUNBOOKS).filter((name) => name !== "README.md");
  expect(pages.sort()).toEqual(rules.map(({ alert }) => `${alert}.md`).sort());
  const list = readFileSync(new URL("README.md", RUNBOOKS), "utf8");
  for (const { alert } of rules) {
    expect(list, alert).toContain(`| [${alert}](${alert}.md) |`);
    const page = readFileSync(new URL(`${alert}.md`, RUNBOOKS), "utf8");
    expect([...page.matchAll(/^#+ .*$/gm)].map(String), alert).toEqual([
      `# ${alert}`,
      "## What it means",
      "## What to look at",
      "## What to do",
    ]);
  }
});

test("runbooks › the panels that they name are on the dashboards that they name them on", () => {
  const titles = new Map(
    writtenDashboards().map(({ file, panels }) => [file, new Set(panels.map(({ title }) => title))]),
  );
  const files = { Overview: "overview", Gateways: "gateway", Publishers: "publisher", NATS: "nats" } as const;
  let found = 0;
  for (const { alert } of rules) {
    const page = readFileSync(new URL(`${alert}.md`, RUNBOOKS), "utf8");
    for (const [, where, panel = ""] of page.matchAll(
      /\b(Overview|Gateways|Publishers|NATS)(?: and webhooks)?, "([^"]+)"/g,
    )) {
      const file = `${files[where as keyof typeof files]}.json`;
      expect(titles.get(file)?.has(panel), `${alert}: ${where}, "${panel}"`).toBe(true);
      found++;
    }
  }
  expect(found).toBeGreaterThan(20);
});

test("runbooks › every reason for which a connection is refused, and each code that moves clients, is explained in one", () => {
  const all = rules.map(({ alert }) => readFileSync(new URL(`${alert}.md`, RUNBOOKS), "utf8")).join("\n");
  for (const reason of ["capacity", "files", "memory", "lag", "blocks", "draining", "path"])
    expect(all).toContain(`\`${reason}\``);
  for (const code of ["4200", "4202", "1006"]) expect(all).toContain(code);
});

test("alerts › promtool finds nothing to mend, and each fires when it should and not before", () => {
  const promtool = prometheusPath("promtool");
  execFileSync(promtool, ["check", "rules", RULES_PATH]);
  const cases = fileURLToPath(new URL("support/alerts.promtool.yaml", import.meta.url));
  const tested = readFileSync(cases, "utf8");
  expect(rules.filter(({ alert }) => !tested.includes(`alertname: ${alert}\n`)).map(({ alert }) => alert)).toEqual([]);
  const output = execFileSync(promtool, ["test", "rules", cases], { encoding: "utf8" });
  expect(output).toContain("SUCCESS");
});
