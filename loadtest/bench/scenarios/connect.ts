import { setTimeout as delay } from "node:timers/promises";
import { GeneratorProcess } from "../generator-process.ts";
import { cpuTimeBetween, readCpuTime, totalMs } from "../process-usage.ts";
import type { Measurement, Scenario, ScenarioRun } from "../scenario.ts";
import { inOnePart, missingSubscribers } from "../scenario.ts";

const WARM_UP = 1_000;
const CONNECTIONS = 9_000;
const PARALLEL = 100;

/** Time in which the gateway works off the end of the warm-up's connections. */
const PAUSE_MS = 500;

/** What one client costs the gateway until it is connected and subscribed. */
export const connect: Scenario = {
  name: "connect",
  title: `${CONNECTIONS} clients connect and subscribe to one channel, ${PARALLEL} at a time.`,
  contenders: ["bare", "bridge", "carillon"],
  metrics: [
    { key: "gatewayUs", title: "gateway CPU µs per connect and subscribe", digits: 0 },
    { key: "perSecond", title: "clients/s", digits: 0 },
  ],
  goals: [
    {
      title: "gateway CPU per connect and subscribe",
      metric: "gatewayUs",
      contender: "carillon",
      baseline: "bare",
      limit: 3,
      unit: "",
    },
  ],
  ...inOnePart(measure),
};

async function measure({ contender }: ScenarioRun): Promise<Measurement> {
  await using generator = new GeneratorProcess();
  const { target, gateway } = contender;
  const call = (to: number) =>
    generator.call<"connect">({ command: "connect", target, from: 0, to, channels: "shared", parallel: PARALLEL });
  await call(WARM_UP);
  await generator.call<"drop">({ command: "drop" });
  await delay(PAUSE_MS);
  const before = readCpuTime(gateway.pid);
  const connected = await call(CONNECTIONS);
  const used = cpuTimeBetween(before, readCpuTime(gateway.pid));
  const { problems } = await generator.call<"drop">({ command: "drop" });
  return {
    values: { gatewayUs: (totalMs(used) * 1000) / CONNECTIONS, perSecond: CONNECTIONS / connected.seconds },
    problems: [...missingSubscribers(connected.ready, CONNECTIONS), ...problems],
  };
}
