import type { Scenario } from "./scenario.ts";
import { channels } from "./scenarios/channels.ts";
import { connect } from "./scenarios/connect.ts";
import { fallback } from "./scenarios/fallback.ts";
import { busy, paced, pusher, saturated, workers } from "./scenarios/fan-out.ts";
import { historyR1, historyR3 } from "./scenarios/history-publish.ts";
import { idle } from "./scenarios/idle.ts";
import { recovery10, recovery100 } from "./scenarios/recovery.ts";
import { recoveryStorm } from "./scenarios/recovery-storm.ts";
import { storm } from "./scenarios/storm.ts";
import { unicast } from "./scenarios/unicast.ts";

/** Everything that `make bench` measures, in its order. */
export const SCENARIOS: readonly Scenario[] = [
  paced,
  busy,
  saturated,
  workers,
  pusher,
  unicast,
  fallback,
  idle,
  channels,
  connect,
  storm,
  historyR1,
  historyR3,
  recovery10,
  recovery100,
  recoveryStorm,
];
