import type { HistorySetup } from "./carillon-config.ts";
import type { ContenderName, RunningContender } from "./contender.ts";
import type { CarillonDialect } from "./contenders.ts";
import type { LoadReply } from "./generator/messages.ts";
import type { CpuTime } from "./process-usage.ts";
import { totalMs } from "./process-usage.ts";

/** How long and how big to measure. */
interface Effort {
  /** Factor on measuring times: 1 for a full run, less for a quick one. */
  readonly duration: number;
  /** Factor on numbers of clients where a scenario says so: 1 for a full run, less for a quick one. */
  readonly size: number;
}

/** What a scenario runs with. */
export interface ScenarioRun {
  readonly contender: RunningContender;
  readonly effort: Effort;
}

/** What one run of a scenario against one contender came to. */
export interface Measurement {
  /** By the keys of the scenario's metrics. */
  readonly values: Readonly<Record<string, number>>;
  /** What went wrong, in words. A measurement with problems fails the bench. */
  readonly problems: readonly string[];
}

/** A column of a scenario's table. */
export interface Metric {
  readonly key: string;
  readonly title: string;
  /** Digits behind the point. */
  readonly digits: number;
}

/** What is asked of Carillon. */
export interface Goal {
  readonly title: string;
  readonly metric: string;
  readonly contender: ContenderName;
  /** The baseline of a ratio; null for an absolute limit. */
  readonly baseline: ContenderName | null;
  /** The most that the ratio, or the value, may be. */
  readonly limit: number;
  /** Unit of an absolute value; empty for a ratio. */
  readonly unit: string;
  /** True when it is a promise: one measurement that misses it is enough. Absent: the median decides. */
  readonly holdsInEachRound?: boolean;
}

/** A scenario that stands, with one contender: its clients are connected. */
export interface OpenScenario extends AsyncDisposable {
  /** Measures once. Called `parts` times, one call after the other. */
  measure(): Promise<Measurement>;
}

/** One situation to put the contenders in. */
export interface Scenario {
  readonly name: string;
  /** What happens, in a sentence. */
  readonly title: string;
  readonly contenders: readonly ContenderName[];
  readonly metrics: readonly Metric[];
  readonly goals: readonly Goal[];
  /** What the contenders are to keep; absent: nothing. */
  readonly history?: HistorySetup;
  /** What Carillon's clients speak. Default native. The baselines have one protocol only. */
  readonly dialect?: CarillonDialect;
  /** Gateway processes of each contender. Default 1. Only Carillon can have more. */
  readonly gateways?: number;
  /** How long Carillon's interest in a channel outlives its last subscriber, in seconds. Absent: as long as by default. */
  readonly lingerSeconds?: number;
  /** True: each contender's gateway runs with its inspector open, so that its garbage can be collected. Default false. */
  readonly isInspected?: boolean;
  /**
   * Measurements in a round. More than one: all contenders stand at once and are measured in turns, some seconds each, so
   * that what else the machine does weighs on all of them. One: they run one after the other.
   */
  readonly parts: number;
  open(run: ScenarioRun): Promise<OpenScenario>;
}

/** The parts of a scenario that keeps nothing open. */
export function inOnePart(measure: (run: ScenarioRun) => Promise<Measurement>): Pick<Scenario, "parts" | "open"> {
  return {
    parts: 1,
    open: async (run) => ({ measure: () => measure(run), [Symbol.asyncDispose]: () => Promise.resolve() }),
  };
}

/** CPU microseconds for each delivery: of the gateway, and of all processes. `workers`: how many processes the gateway has started. */
export function cpuPerDelivery(reply: LoadReply, workers = 0): { readonly gatewayUs: number; readonly allUs: number } {
  const ofGateway = [...reply.cpu.slice(0, 1), ...reply.cpu.slice(reply.cpu.length - workers)];
  return { gatewayUs: perDelivery(ofGateway, reply), allUs: perDelivery(reply.cpu, reply) };
}

/** CPU microseconds for each delivery of the process at `at` in the order of the command's pids; 0 when there is none. */
export function cpuPerDeliveryOf(at: number, reply: LoadReply): number {
  return perDelivery(reply.cpu.slice(at, at + 1), reply);
}

/** The same of all processes from the one at `at` on. */
export function cpuPerDeliveryFrom(at: number, reply: LoadReply): number {
  return perDelivery(reply.cpu.slice(at), reply);
}

function perDelivery(times: readonly CpuTime[], reply: LoadReply): number {
  return (times.reduce((sum, time) => sum + totalMs(time), 0) * 1000) / reply.delivered;
}

/** Process ids of a contender, the gateway's first, those that it has started last. */
export function pidsOf({ processes, workerPids }: RunningContender): number[] {
  return [...processes.map(({ pid }) => pid), ...workerPids];
}

/** The problem that not all of `wanted` subscribers are there, or none. */
export function missingSubscribers(ready: number, wanted: number): string[] {
  return ready === wanted ? [] : [`${wanted - ready} of ${wanted} clients could not connect and subscribe`];
}
