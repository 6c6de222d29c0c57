/** Labels of a series. */
export type Labels = Readonly<Record<string, string>>;

/** A series: seconds since 1970, and values. */
export interface Series {
  readonly labels: Labels;
  readonly points: readonly (readonly [seconds: number, value: number])[];
}

/** A stretch of time, in seconds since 1970, and the distance of the points in it. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

interface Result {
  readonly metric: Labels;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

/** Prometheus's API, as far as Grafana asks it. */
export class PrometheusSource {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Values over a time. Rejects with Prometheus's words where the expression is wrong. */
  async range(query: string, { from, to, step }: TimeRange): Promise<Series[]> {
    return this.#query("query_range", { query, start: String(from), end: String(to), step: String(step) });
  }

  /** Values at one time. */
  async instant(query: string, time: number): Promise<Series[]> {
    return this.#query("query", { query, time: String(time) });
  }

  /** What `label_values(selector, label)` gives, the variable's query of Grafana. */
  async labelValues(definition: string): Promise<string[]> {
    const [, selector, label] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? [];
    if (selector === undefined || label === undefined) throw new Error(`not a query of a variable: ${definition}`);
    return (await this.#get(`label/${label}/values`, { "match[]": selector })) as string[];
  }

  async #query(path: string, parameters: Record<string, string>): Promise<Series[]> {
    const { result } = (await this.#get(path, parameters)) as { readonly result: readonly Result[] };
    return result.map(({ metric, value, values = value === undefined ? [] : [value] }) => ({
      labels: metric,
      points: values.map(([seconds, text]) => [seconds, Number(text)] as const),
    }));
  }

  async #get(path: string, parameters: Record<string, string>): Promise<unknown> {
    const answer = await fetch(`${this.#url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const { data, error } = (await answer.json()) as { readonly data?: unknown; readonly error?: string };
    if (data === undefined) throw new Error(`${JSON.stringify(parameters)}: ${error ?? answer.status}`);
    return data;
  }
}
