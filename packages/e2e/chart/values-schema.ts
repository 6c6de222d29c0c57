import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from "yaml";
import type { JsonSchema } from "./json-schema.ts";
import { valueRule } from "./value-rules.ts";

/** Sections that may be emptied (`global:` with everything below commented out): nothing of theirs is needed. */
const MAY_BE_EMPTY: readonly string[] = [
  "global",
  "monitoring.podMonitor",
  "monitoring.prometheusRule",
  "monitoring.dashboards",
];

/** Helm hands it on as a value to the chart that is switched by it. */
const ENABLED: JsonSchema = {
  type: "boolean",
  description: "For a chart that has this one as a part, and switches it by `condition: carillon.enabled`.",
};

/**
 * The schema of the chart's values, out of values.yaml: what there is may be set, nothing else; descriptions are the comments
 * that begin with `--`; types are those of the defaults, unless a rule says more.
 *
 * Throws when values.yaml has an empty list or map of which nothing says what may be in it.
 */
export function valuesSchema(valuesYaml: string): JsonSchema {
  const { contents } = parseDocument(valuesYaml);
  if (!isMap(contents)) throw new Error("values.yaml is not a map");
  const { properties, ...schema } = mapSchema(contents, []);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Values of the chart carillon",
    ...schema,
    properties: { ...properties, enabled: ENABLED },
  };
}

function mapSchema(map: YAMLMap, path: readonly string[]): JsonSchema {
  const properties = Object.fromEntries(
    map.items.map((pair, index) => {
      const key = String(isScalar(pair.key) ? pair.key.value : pair.key);
      // The comment before the first key counts as one before the map.
      const comment = (index === 0 ? map.commentBefore : undefined) ?? commentBefore(pair);
      return [key, { ...descriptionIn(comment), ...valueSchema(pair.value, [...path, key]) }];
    }),
  );
  const required = map.items
    .map(({ key }) => String(isScalar(key) ? key.value : key))
    .filter((key) => isNeeded(map.get(key, true), [...path, key]));
  // A chart that has this one as its part shares `global` with others.
  const section: JsonSchema = { type: "object", properties, additionalProperties: path.join() === "global" };
  return required.length === 0 ? section : { ...section, required };
}

/**
 * Whether templates rely on a value: an empty key (`replicas:`) takes its default away, and the schema can say so better than a nil
 * pointer, or than one gateway where there were three. What is empty by default may be empty.
 */
function isNeeded(value: unknown, path: readonly string[]): boolean {
  const name = path.join(".");
  if (isScalar(value)) return value.value !== "" && value.value !== 0;
  const isSection = isMap(value) && value.items.length > 0 && valueRule(path) === undefined;
  return name === "config" || (isSection && !MAY_BE_EMPTY.includes(name));
}

function valueSchema(value: unknown, path: readonly string[]): JsonSchema {
  const rule = valueRule(path);
  if (rule !== undefined) return rule;
  if (isMap(value) && value.items.length > 0) return mapSchema(value, path);
  const scalar = isScalar(value) ? value.value : undefined;
  switch (typeof scalar) {
    case "string":
      return { type: "string" };
    case "boolean":
      return { type: "boolean" };
    case "number":
      return { type: "integer", minimum: 0 };
    default:
      throw new Error(`nothing says what ${path.join(".")} may be: give it a rule in value-rules.ts`);
  }
}

function commentBefore({ key }: Pair): string | null | undefined {
  return isScalar(key) ? key.commentBefore : undefined;
}

/** What a comment says to the README's reader: all behind its last `--`. */
function descriptionIn(comment: string | null | undefined): { readonly description?: string } {
  const text = /(?:^|\n) -- ([\s\S]*)$/.exec(comment ?? "")?.[1];
  return text === undefined ? {} : { description: text.replaceAll(/\n */g, " ") };
}
