import {
  type Config,
  ConfigError,
  type ConfiguredApps,
  type ConfiguredChannelRules,
  type ConfigWatch,
  changesThatNeedRestart,
  type Logger,
  watchConfig,
} from "@carillon/service";
import type { NatsSecrets } from "./nats-secrets.ts";

/** What is watched, and who takes over what has changed. */
interface Watched {
  /** The configuration at the start. */
  readonly config: Config;
  readonly load: () => Promise<Config>;
  /** null: there is no NATS. */
  readonly natsSecrets: NatsSecrets | null;
  readonly apps: ConfiguredApps;
  readonly rules: ConfiguredChannelRules;
  readonly log: Logger;
}

/** Keeps apps, channel rules and what is shown to NATS as the files say, and tells the log what waits for a restart. */
export function watchFiles({ config: initial, load, natsSecrets, apps, rules, log }: Watched): ConfigWatch {
  return watchConfig({
    initial,
    load: async () => {
      const config = await load();
      // Also where only what a file holds has changed, which the configuration doesn't show.
      await natsSecrets?.reload(config.nats).catch((error: unknown) => {
        throw error instanceof ConfigError ? error.withFiles(config.files) : error;
      });
      return config;
    },
    onChange: (config) => {
      apps.reload(config.apps);
      const isWithinCeiling = rules.reload(config.channels);
      const needRestart = [
        ...changesThatNeedRestart(initial, config),
        ...(isWithinCeiling ? [] : ["channels[].history"]),
      ];
      log.info("config_reloaded", { apps: config.apps.length, channelRules: config.channels.length });
      for (const warning of config.warnings) log.warn("config_warning", { ...warning });
      if (needRestart.length > 0) log.warn("config_needs_restart", { settings: needRestart });
    },
    onError: (error) => log.error("config_reload_refused", { error }),
  });
}
