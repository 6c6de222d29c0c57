import type { AppLimits, AppSettings } from "@carillon/core";
import { DEV_APP } from "@carillon/service";

/** Limits of a test app: those of the dev app, but for what `changes` says. */
export function limits(changes: Partial<AppLimits> = {}): AppLimits {
  return { ...DEV_APP.limits, ...changes };
}

/** Settings of a test app. `name` makes id, key and secrets its own. */
export function appSettings(name: string, changes: Partial<AppSettings> = {}): AppSettings {
  return {
    ...DEV_APP,
    id: name,
    key: `key-of-${name}`,
    secrets: [`secret-of-${name}`],
    publishSecret: `publish-secret-of-${name}`,
    ...changes,
  };
}
