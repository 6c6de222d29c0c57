import { listSettings, type Setting } from "@carillon/service";
import { closed, type JsonSchema } from "./json-schema.ts";

/** Settings that are not in `config`, as the chart decides them itself; and where its user finds them. */
const DECIDED_BY_THE_CHART: readonly RegExp[] = [
  /^admin\./,
  /^gateway\.(?:host|port|drain|clientAddress|workers)\b/,
  /^publisher\.(?:host|port)$/,
  /^nats\.(?:servers|credentials|tls)\b/,
];

/** A value that comes from an environment variable or a file, which is checked when a process reads it. */
const REFERENCE: JsonSchema = { type: "string", pattern: "\\$\\{" };

interface Node {
  readonly children: Map<string, Node>;
  isList: boolean;
  setting: Setting | null;
}

/** The schema of the value `config`: every setting that carillon.yaml may have and that is not decided by the chart. */
export function configSchema(): JsonSchema {
  const root = newNode();
  for (const setting of listSettings()) {
    if (!DECIDED_BY_THE_CHART.some((pattern) => pattern.test(setting.name))) place(root, setting);
  }
  return schemaOf(root);
}

function newNode(): Node {
  return { children: new Map(), isList: false, setting: null };
}

function place(root: Node, setting: Setting): void {
  let node = root;
  for (const part of setting.name.split(".")) {
    const key = part.replace(/\[\]$/, "");
    const child = node.children.get(key) ?? newNode();
    node.children.set(key, child);
    child.isList ||= part.endsWith("[]");
    node = child;
  }
  node.setting = setting;
}

function schemaOf(node: Node): JsonSchema {
  if (node.setting !== null) return settingSchema(node.setting);
  const properties = Object.fromEntries([...node.children].map(([key, child]) => [key, schemaOf(child)]));
  const required = [...node.children].flatMap(([key, { setting }]) =>
    setting?.defaultText === "required" && node.isList ? [key] : [],
  );
  const group = closed(properties, required);
  return node.isList ? { type: "array", items: group } : group;
}

function settingSchema({ kind, bounds, defaultText }: Setting): JsonSchema {
  const nothing = defaultText === "none" && kind === "text" ? ["string", "null"] : "string";
  switch (kind) {
    case "whole number":
      return { anyOf: [{ type: "integer", ...range(bounds) }, REFERENCE] };
    case "fraction":
      return { anyOf: [{ type: "number", ...range(bounds) }, REFERENCE] };
    case "duration":
      return {
        anyOf: [{ type: "integer", ...range(bounds) }, { type: "string", pattern: "^\\d+(ms|s|m|h|d)?$" }, REFERENCE],
      };
    case "size":
      return {
        anyOf: [{ type: "integer", ...range(bounds) }, { type: "string", pattern: "^\\d+([KMG]i?B|B)?$" }, REFERENCE],
      };
    case "flag":
      return { anyOf: [{ type: "boolean" }, REFERENCE] };
    case "choice":
      return { anyOf: [{ enum: bounds.split(", ") }, REFERENCE] };
    case "list":
      return { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" }, uniqueItems: true }] };
    case "map":
      return { type: "object", additionalProperties: { type: "string" } };
    case "text":
      return { type: nothing as JsonSchema["type"] & {} };
    default:
      return kind satisfies never;
  }
}

/** `0 to 65535`, as a setting words its bounds. */
function range(bounds: string): { readonly minimum: number; readonly maximum: number } {
  const match = /^(\d+) to (\d+)$/.exec(bounds);
  if (match === null) throw new Error(`these are no bounds of a number: ${bounds}`);
  return { minimum: Number(match[1]), maximum: Number(match[2]) };
}
