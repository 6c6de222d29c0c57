import {
  type Config,
  type ConfiguredApps,
  type ConfiguredChannelRules,
  type ConfigWatch,
  changesThatNeedRestart,
  type Logger,
  watchConfig,
} from "@carillon/service";

/** What is watched, and who takes over what has changed. */
interface Watched {
  /** The configuration at the start. */
  readonly config: Config;
  readonly load: () => Promise<Config>;
  readonly apps: ConfiguredApps;
  readonly rules: ConfiguredChannelRules;
  readonly log: Logger;
}

/** Keeps apps and channel rules as the files say, and tells the log what waits for a restart. */
export function watchFiles({ config: initial, load, apps, rules, log }: Watched): ConfigWatch {
  return watchConfig({
    initial,
    load,
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
