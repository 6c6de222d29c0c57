import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FILES = new URL("../../../../helm/carillon/files/", import.meta.url);

/** The alerts' file. */
export const RULES_PATH = fileURLToPath(new URL("alerts/carillon.rules.yaml", FILES));

/** The folder of the dashboards. */
export const DASHBOARDS_PATH = fileURLToPath(new URL("dashboards/", FILES));

/** What the tests look at in a panel. */
export interface WrittenPanel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly { readonly expr: string }[];
}

/** A dashboard as it is written. */
export interface WrittenDashboard {
  readonly file: string;
  readonly text: string;
  readonly uid: string;
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
  readonly panels: readonly WrittenPanel[];
}

/** The dashboards that stand in the chart. */
export function writtenDashboards(): readonly WrittenDashboard[] {
  const files = readdirSync(DASHBOARDS_PATH).filter((name) => name.endsWith(".json"));
  return files.map((file) => {
    const text = readFileSync(join(DASHBOARDS_PATH, file), "utf8");
    return { file, text, ...JSON.parse(text) };
  });
}
