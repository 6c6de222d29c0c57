import exec from "k6/execution";
import type { Options } from "k6/options";
import { BUCKET_BOUNDS } from "./buckets.ts";
import { Channels } from "./channels.ts";
import { Conductor } from "./conductor.ts";
import { Crowd } from "./crowd.ts";
import type { Dialect } from "./dialect.ts";
import { excessKey } from "./excess.ts";
import type { OpenLink } from "./link.ts";
import { Meter } from "./meter.ts";
import { MsgpackDialect } from "./msgpack-dialect.ts";
import { NativeDialect } from "./native-dialect.ts";
import { objectivesOf, TIMES } from "./objectives.ts";
import type { ScenarioName } from "./phases.ts";
import { longestSeconds } from "./plan.ts";
import { Publisher } from "./publisher.ts";
import { PusherDialect } from "./pusher-dialect.ts";
import { RepeatedFrames } from "./repeated-frames.ts";
import type { SummaryData } from "./results.ts";
import { bucketKey } from "./results.ts";
import type { LoadSettings } from "./settings.ts";
import { readSettings } from "./settings.ts";
import { shareOf } from "./share.ts";
import { summaryFiles } from "./summary.ts";
import { openWebSocket } from "./web-socket-link.ts";

/** What k6 wants of a script. */
export interface Script {
  readonly options: Options;
  readonly clients: () => void;
  readonly conductor: () => void;
  readonly handleSummary: (data: SummaryData) => Record<string, string>;
}

/** Makes the script of a scenario from the variables that k6 was given (`-e NAME=VALUE`). `openLink`: how clients get to a gateway. */
export function scriptOf(
  scenario: ScenarioName,
  variables: Readonly<Record<string, string | undefined>>,
  openLink: OpenLink = openWebSocket,
): Script {
  const settings = readSettings(scenario, variables);
  const channels = new Channels(settings);
  return {
    options: optionsOf(settings),
    clients: () => {
      // Unique over all processes, and from 0 to one below the number of threads.
      const share = shareOf(exec.scenario.iterationInTest, settings.virtualUsers, settings.clients);
      const meter = new Meter(settings);
      const publisher = new Publisher({ ...settings, rate: settings.unicastRate / settings.virtualUsers });
      const reporter = new Publisher({ ...settings, rate: 0 });
      const shared = { settings, channels, openLink, meter, publisher, reporter };
      new Crowd({ ...shared, share, dialect: dialectOf(settings) }).start();
    },
    conductor: () => {
      const shared = { settings, channels, openLink, meter: new Meter(settings), publisher: new Publisher(settings) };
      void new Conductor({ ...shared, dialect: new NativeDialect(settings) }).run();
    },
    handleSummary: (data) => summaryFiles(settings, data),
  };
}

function dialectOf(settings: LoadSettings): Dialect {
  switch (settings.protocol) {
    case "native":
      return new RepeatedFrames(new NativeDialect(settings));
    case "msgpack":
      return new MsgpackDialect(settings);
    case "pusher":
      return new RepeatedFrames(new PusherDialect(settings));
    default:
      return settings.protocol satisfies never;
  }
}

function optionsOf(settings: LoadSettings): Options {
  const once = {
    executor: "per-vu-iterations",
    iterations: 1,
    maxDuration: `${longestSeconds(settings) + 30}s`,
    gracefulStop: "0s",
  } as const;
  return {
    scenarios: {
      clients: { ...once, exec: "clients", vus: settings.virtualUsers },
      conductor: { ...once, exec: "conductor", vus: 1 },
    },
    thresholds: thresholdsOf(settings),
    // Tags would make a series of each address and status.
    systemTags: [],
    discardResponseBodies: true,
  };
}

function thresholdsOf(settings: LoadSettings): Record<string, string[]> {
  const thresholds: Record<string, string[]> = {};
  const isAlone = settings.processes === 1;
  const demand = (metric: string, threshold: string): void => {
    thresholds[metric] = [...(thresholds[metric] ?? []), threshold];
  };
  for (const objective of objectivesOf(settings)) {
    if (objective.kind === "count") demand(objective.count, `count<=${objective.most}`);
    else if (objective.kind === "some") demand(objective.count, "count>0");
    else if (objective.kind === "time") demand(excessKey(objective.time, objective.share), "count<=0");
    // Of shares, those that k6 can tell by itself.
    else if (objective.count === "subscribed") demand("connected", `rate>=${objective.least}`);
    else if (isAlone) demand(objective.count, `count>=${objective.least * settings.clients}`);
    // What was never measured exceeds nothing. Of several processes, one may have nothing to measure.
    if (isAlone && objective.kind === "time") demand(`${objective.time}_bucket`, "count>0");
  }
  // k6 shows only those parts of a metric that have a threshold: this one holds always.
  for (const time of TIMES) for (const bound of BUCKET_BOUNDS) demand(bucketKey(time, bound), "count>=0");
  return thresholds;
}
