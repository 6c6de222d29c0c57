import type { Query } from "./dashboard.ts";

/** Everything in the chosen namespaces. */
export const ALL = 'namespace=~"$namespace"';
/** Of that, the chosen instances. */
export const OWN = `${ALL},instance=~"$instance"`;
/** The time that a rate looks back: what Grafana holds for enough. */
export const RATE = "[$__rate_interval]";

/** One query, and how its series are called. */
export function line(legend: string, expr: string): Query {
  return { legend, expr };
}

/** A gauge, added up; kept apart by the labels `by`, where there are some. */
export function total(metric: string, selector: string, by?: string): string {
  return `${sumBy(by)}(${metric}{${selector}})`;
}

/** How fast a counter rises, a second, added up; kept apart by the labels `by`, where there are some. */
export function perSecond(metric: string, selector: string, by?: string): string {
  return `${sumBy(by)}(rate(${metric}{${selector}}${RATE}))`;
}

/** How much a counter has risen in the time of a point, added up. */
export function rise(metric: string, selector: string): string {
  return `sum(increase(${metric}{${selector}}${RATE}))`;
}

/** The highest value of a gauge by instance. */
export function highest(metric: string, selector: string): Query {
  return line("{{instance}}", `max by (instance) (${metric}{${selector}})`);
}

/** The quantiles of a histogram over everything that `selector` fits. */
export function quantiles(histogram: string, selector: string, which: readonly number[] = [0.5, 0.95, 0.99]): Query[] {
  return which.map((quantile) =>
    line(
      `p${quantile * 100}`,
      `histogram_quantile(${quantile}, sum by (le) (rate(${histogram}_bucket{${selector}}${RATE})))`,
    ),
  );
}

function sumBy(by: string | undefined): string {
  return by === undefined ? "sum" : `sum by (${by}) `;
}
