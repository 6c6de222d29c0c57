import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What is drawn of a panel, as Grafana's files have it. */
export interface GrafanaPanel {
  readonly id: number;
  readonly type: "row" | "stat" | "timeseries";
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit: string;
      readonly custom?: { readonly stacking: { readonly mode: "none" | "normal" } };
      readonly thresholds?: { readonly steps: readonly { readonly color: string; readonly value: number | null }[] };
    };
  };
}

/** A choice at the top of a dashboard. */
export interface GrafanaVariable {
  readonly type: string;
  readonly name: string;
  readonly label: string;
  readonly definition?: string;
  readonly allValue?: string;
}

/** A dashboard as it stands in the chart. */
export interface GrafanaDashboard {
  /** Name of its file, without the ending. */
  readonly name: string;
  readonly title: string;
  readonly templating: { readonly list: readonly GrafanaVariable[] };
  readonly panels: readonly GrafanaPanel[];
}

/** The dashboards of a folder, by name. */
export function dashboardsIn(folder: string): GrafanaDashboard[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return files.sort().map((file) => ({
    ...(JSON.parse(readFileSync(join(folder, file), "utf8")) as Omit<GrafanaDashboard, "name">),
    name: file.replace(/\.json$/, ""),
  }));
}
