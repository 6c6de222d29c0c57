import type { z } from "zod";
import { appSchema, channelRuleSchema, SECTIONS } from "./schema.ts";
import { type SettingInfo, settingInfo } from "./setting.ts";
import { groupListEntry, groupShape } from "./setting-group.ts";

/** A key of the configuration, or an index into a list. */
export type PathPart = string | number;

/** The sections that are lists of entries: how an entry's settings begin in the environment, and what it holds. */
const LIST_SECTIONS: ReadonlyMap<string, { readonly prefix: string; readonly schema: z.ZodType }> = new Map([
  ["apps", { prefix: "CARILLON_APP", schema: appSchema }],
  ["channels", { prefix: "CARILLON_CHANNEL", schema: channelRuleSchema }],
]);

/** Names of the sections that are lists. Each can also come whole from the variable `CARILLON_` and its name in capitals. */
export const LIST_SECTION_NAMES: readonly string[] = [...LIST_SECTIONS.keys()];

/** Variable that holds a whole list section as JSON. */
export function listVariable(section: string): string {
  return `CARILLON_${screaming(section)}`;
}

/** One setting that can be written in the file or given in the environment. */
export interface Setting extends SettingInfo {
  /** Keys from the top. In a list section the second one is 0: an environment variable can only mean the only entry. */
  readonly path: readonly PathPart[];
  /** The key as people write it: `gateway.port`, `apps[].id`. */
  readonly name: string;
  /** The environment twin. */
  readonly environmentName: string;
}

/** Every setting there is, in the order of the schema. */
export function listSettings(): readonly Setting[] {
  return Object.entries(SECTIONS).flatMap(([name, schema]) => {
    const list = LIST_SECTIONS.get(name);
    return list === undefined
      ? settingsBelow(schema, [name], name, `CARILLON_${screaming(name)}`)
      : settingsBelow(list.schema, [name, 0], `${name}[]`, list.prefix);
  });
}

/** The keys that may stand at `path`, for suggestions; empty where nothing may stand. */
export function keysAt(path: readonly PathPart[]): readonly string[] {
  const [section, ...rest] = path;
  if (section === undefined) return Object.keys(SECTIONS);
  const list = LIST_SECTIONS.get(String(section));
  if (list !== undefined) return keysBelow(list.schema, rest.slice(1));
  const schema = Object.entries(SECTIONS).find(([name]) => name === section)?.[1];
  return schema === undefined ? [] : keysBelow(schema, rest);
}

/** A path as people write it: `apps[0].limits.connections`. */
export function formatPath(path: readonly PathPart[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? part : `${text}.${part}`;
  }, "");
}

function settingsBelow(
  schema: z.ZodType,
  path: readonly PathPart[],
  name: string,
  environmentName: string,
): readonly Setting[] {
  const info = settingInfo(schema);
  if (info !== undefined) return [{ ...info, path, name, environmentName }];
  const entry = groupListEntry(schema);
  // A variable can only mean the only entry, so it is named after one.
  if (entry !== undefined) return settingsBelow(entry, [...path, 0], `${name}[]`, environmentName.replace(/S$/, ""));
  return Object.entries(groupShape(schema) ?? {}).flatMap(([key, child]) => {
    const variable = settingInfo(child)?.variable ?? screaming(key);
    return settingsBelow(child, [...path, key], `${name}.${key}`, `${environmentName}_${variable}`);
  });
}

function keysBelow(schema: z.ZodType, path: readonly PathPart[]): readonly string[] {
  const entry = groupListEntry(schema);
  if (entry !== undefined) return keysBelow(entry, path.slice(1));
  const shape = groupShape(schema);
  const [key, ...rest] = path;
  if (key === undefined || shape === undefined) return Object.keys(shape ?? {});
  const child = shape[key];
  return child === undefined ? [] : keysBelow(child, rest);
}

/** `maxFrameBytes` becomes `MAX_FRAME_BYTES`. */
function screaming(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
