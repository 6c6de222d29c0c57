import type { GrafanaVariable } from "./grafana-dashboard.ts";
import type { PrometheusSource } from "./prometheus-source.ts";

/** What was chosen for a variable. */
export interface Choice {
  readonly label: string;
  /** As it is shown: `All`, or the values. */
  readonly shown: string;
  /** What stands for it in an expression. */
  readonly value: string;
  /** Everything that could be chosen. */
  readonly options: readonly string[];
}

/** By the variable's name. */
export type Choices = ReadonlyMap<string, Choice>;

/** How far a rate looks back, as Grafana reckons it with the scrape interval that a new data source has: 15 seconds. */
export function rateIntervalSeconds(step: number): number {
  const scrapeSeconds = 15;
  return Math.max(step + scrapeSeconds, 4 * scrapeSeconds);
}

/** An expression with the values in the place of variables. Other texts with a dollar, such as `$1`, stay. */
export function interpolate(expression: string, choices: Choices, step = 0): string {
  return expression.replaceAll(/\$(\w+)/g, (text, name: string) => {
    if (name === "__rate_interval") return `${rateIntervalSeconds(step)}s`;
    return choices.get(name)?.value ?? text;
  });
}

/**
 * The choices of a dashboard, one after the other, as later variables may ask with earlier ones. `wanted`: values by name; all of the
 * others are on "All".
 */
export async function choose(
  variables: readonly GrafanaVariable[],
  source: PrometheusSource,
  wanted: ReadonlyMap<string, readonly string[]>,
): Promise<Choices> {
  const choices = new Map<string, Choice>();
  for (const { type, name, label, definition, allValue } of variables) {
    if (type !== "query" || definition === undefined) continue;
    const options = await source.labelValues(interpolate(definition, choices));
    const values = wanted.get(name);
    if (values === undefined) {
      choices.set(name, { label, shown: "All", value: allValue ?? oneOf(options), options });
      continue;
    }
    const missing = values.filter((value) => !options.includes(value));
    if (missing.length > 0) throw new Error(`${label} can't be ${missing.join(", ")}: there are ${options.join(", ")}`);
    choices.set(name, { label, shown: values.join(", "), value: oneOf(values), options });
  }
  return choices;
}

/** Values as one regular expression, in an expression's text. */
function oneOf(values: readonly string[]): string {
  const escaped = values.map((value) => value.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\\\$&"));
  return escaped.length === 1 ? (escaped[0] ?? "") : `(${escaped.join("|")})`;
}
