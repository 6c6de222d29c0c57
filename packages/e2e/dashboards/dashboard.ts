/** A query of a panel. */
export interface Query {
  readonly expr: string;
  /** What a series is called, with labels in double braces. */
  readonly legend: string;
}

/** Units by Grafana's names. */
export type Unit = "short" | "ops" | "reqps" | "s" | "bytes" | "Bps" | "percentunit" | "bool_yes_no";

/** What a panel shows. */
export interface Panel {
  readonly title: string;
  /** What it tells, and what a bad picture means. */
  readonly description: string;
  readonly unit: Unit;
  /** One number in place of lines over time. */
  readonly isStat?: boolean;
  /** Columns of 24; 8 when absent, 4 for one number. */
  readonly width?: number;
  /** Lines are stacked on each other. */
  readonly isStacked?: boolean;
  /** Values from which it is yellow, and red: for one number. */
  readonly thresholds?: readonly [yellow: number, red: number];
  readonly queries: readonly Query[];
}

/** Panels under one heading. */
export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** A choice at the top of a dashboard. */
export interface Variable {
  readonly name: string;
  readonly label: string;
  readonly query: string;
}

/** A dashboard, in our words. */
export interface Dashboard {
  /** Part of its address, and the name of its file. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly Variable[];
  readonly rows: readonly Row[];
}

const DATASOURCE = { type: "prometheus", uid: "$datasource" };
const COLUMNS = 24;
const HEIGHT = 8;
const STAT_HEIGHT = 4;

/** Kubernetes sets the label `namespace`; where nobody does, "All" is right, for it fits what has no such label as well. */
export const NAMESPACE: Variable = {
  name: "namespace",
  label: "Namespace",
  query: "label_values(carillon_build_info, namespace)",
};

/** Some instances of one role. */
export function instancesOf(metric: string): Variable {
  return {
    name: "instance",
    label: "Instance",
    query: `label_values(${metric}{namespace=~"$namespace"}, instance)`,
  };
}

/** The dashboard as Grafana imports it. Ids and places come from the order of its panels. */
export function toGrafana(dashboard: Dashboard): unknown {
  const { uid, title, description, variables, rows } = dashboard;
  const panels: unknown[] = [];
  let top = 0;
  for (const row of rows) {
    panels.push({
      id: panels.length + 1,
      type: "row",
      title: row.title,
      collapsed: false,
      gridPos: { x: 0, y: top, w: COLUMNS, h: 1 },
      panels: [],
    });
    top++;
    let [left, height] = [0, 0];
    for (const panel of row.panels) {
      const width = panel.width ?? (panel.isStat ? 4 : 8);
      if (left + width > COLUMNS) [left, top, height] = [0, top + height, 0];
      const own = panel.isStat ? STAT_HEIGHT : HEIGHT;
      panels.push({ id: panels.length + 1, ...panelOf(panel), gridPos: { x: left, y: top, w: width, h: own } });
      left += width;
      height = Math.max(height, own);
    }
    top += height;
  }
  return {
    uid,
    title,
    description,
    tags: ["carillon"],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    timezone: "browser",
    time: { from: "now-1h", to: "now" },
    refresh: "30s",
    links: [
      {
        type: "dashboards",
        title: "Carillon",
        tags: ["carillon"],
        asDropdown: true,
        includeVars: true,
        keepTime: true,
      },
    ],
    templating: { list: [datasourceVariable(), ...variables.map(variableOf)] },
    annotations: { list: [] },
    panels,
  };
}

function datasourceVariable(): unknown {
  return { type: "datasource", name: "datasource", label: "Data source", query: "prometheus", hide: 0, refresh: 1 };
}

function variableOf({ name, label, query }: Variable): unknown {
  return {
    type: "query",
    name,
    label,
    datasource: DATASOURCE,
    query: { query, refId: name },
    definition: query,
    includeAll: true,
    allValue: ".*",
    multi: true,
    current: { selected: true, text: ["All"], value: ["$__all"] },
    refresh: 2,
    sort: 1,
    hide: 0,
  };
}

function panelOf(panel: Panel): object {
  const { title, description, queries, isStat = false } = panel;
  const targets = queries.map(({ expr, legend }, index) => ({
    refId: String.fromCharCode("A".charCodeAt(0) + index),
    datasource: DATASOURCE,
    expr,
    legendFormat: legend,
    ...(isStat ? { instant: true } : {}),
  }));
  const common = { title, description, datasource: DATASOURCE, targets };
  return isStat ? { ...common, ...statOf(panel) } : { ...common, ...seriesOf(panel) };
}

function statOf({ unit, thresholds }: Panel): object {
  const [yellow, red] = thresholds ?? [];
  const steps = [
    { color: "green", value: null },
    ...(yellow === undefined ? [] : [{ color: "yellow", value: yellow }]),
    ...(red === undefined ? [] : [{ color: "red", value: red }]),
  ];
  return {
    type: "stat",
    fieldConfig: { defaults: { unit, thresholds: { mode: "absolute", steps } }, overrides: [] },
    options: { reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false }, colorMode: "value" },
  };
}

function seriesOf({ unit, isStacked = false }: Panel): object {
  const stacking = { mode: isStacked ? "normal" : "none", group: "A" };
  const custom = { drawStyle: "line", lineWidth: 1, fillOpacity: isStacked ? 30 : 10, showPoints: "never", stacking };
  return {
    type: "timeseries",
    fieldConfig: { defaults: { unit, min: 0, custom }, overrides: [] },
    options: { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi", sort: "desc" } },
  };
}
