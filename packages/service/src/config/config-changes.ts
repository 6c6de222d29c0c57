import { isDeepStrictEqual } from "node:util";
import type { Config } from "./config-types.ts";
import { LIST_SECTION_NAMES, listSettings, type PathPart } from "./setting-index.ts";

/**
 * Names of the settings that differ between two configurations and that a running process can't take over: all but those of
 * apps and channels, and the credentials for NATS, which count from the next connect on. To be told to the operator after a reload, since nothing else would show that they wait for a restart.
 */
export function changesThatNeedRestart(before: Config, after: Config): readonly string[] {
  return listSettings()
    .filter(
      ({ path }) =>
        !LIST_SECTION_NAMES.includes(String(path[0])) &&
        !(path[0] === "nats" && path[1] === "credentials") &&
        !isDeepStrictEqual(valueAt(before, path), valueAt(after, path)),
    )
    .map(({ name }) => name);
}

function valueAt(config: Config, path: readonly PathPart[]): unknown {
  return path.reduce<unknown>((value, key) => Object(value)[key], config);
}
