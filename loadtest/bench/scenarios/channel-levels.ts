import { setTimeout as delay } from "node:timers/promises";
import type { RunningContender } from "../contender.ts";
import { GeneratorProcess } from "../generator-process.ts";
import { settledKib } from "../memory.ts";
import { metricOfGateways } from "../metrics.ts";
import { cpuTimeBetween, readCpuTime, totalMs } from "../process-usage.ts";
import { cpuPerDelivery, missingSubscribers, pidsOf } from "../scenario.ts";

/** Channels that come and go at a time, and how often they do. */
export const CHURNED = 2_000;
export const WAVES = 3;
/** Where their numbers begin, behind those of all others. */
const CHURNED_FROM = 1_000;
/** The default would have the channels of a wave linger into the next. */
export const LINGER_SECONDS = 1;
/** Until interest has ended: what lingers is looked through five times in that while. */
const RELEASED_MS = LINGER_SECONDS * 1000 * 1.5;

/** Channels to which events go, each with a subscriber. */
export const HEARD = 200;
export const OUTSTANDING = 16;
const LOAD_MS = 3_000;
const WARM_UP_MS = 500;
const IDLE_MS = 3_000;

/** What to open. */
interface LevelsOptions {
  readonly contender: RunningContender;
  /** Connections that hold the channels. */
  readonly connections: number;
  /** Factor on measuring times. */
  readonly duration: number;
}

/** What something costs while so many channels are there. */
interface ReachedLevel {
  readonly residentKib: number;
  /** CPU time of the gateway in a second in which nothing happens. */
  readonly idleMs: number;
  /** The same, of one channel that is subscribed to and left, until no interest is left. */
  readonly churnUs: number;
  readonly deliveryUs: number;
}

/** A gateway whose channels become more and more. */
export class ChannelLevels {
  /** What went wrong, in words. */
  readonly problems: string[] = [];
  readonly #options: LevelsOptions;
  readonly #generator = new GeneratorProcess();
  #each = 0;

  private constructor(options: LevelsOptions) {
    this.#options = options;
  }

  /** Connects all clients, and does once what will be measured, so that the code is compiled. */
  static async open(options: LevelsOptions): Promise<ChannelLevels> {
    const levels = new ChannelLevels(options);
    try {
      await levels.#connect();
      await levels.#wave();
      await levels.#load();
      return levels;
    } catch (error) {
      await levels[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Gives each connection so many channels, and measures. */
  async reach(each: number): Promise<ReachedLevel> {
    const { contender, connections } = this.#options;
    await this.#change("subscribe", this.#each, each);
    this.#each = each;
    const residentKib = await settledKib(contender);
    const idleMs = (await this.#gatewayMs(() => delay(IDLE_MS))) / (IDLE_MS / 1000);
    const beganMs = performance.now();
    const churnMs = await this.#gatewayMs(async () => {
      for (let turn = 0; turn < WAVES; turn++) await this.#wave();
    });
    const idleShareMs = (idleMs * (performance.now() - beganMs)) / 1000;
    const churnUs = ((churnMs - idleShareMs) * 1000) / (WAVES * this.#churnedEach * connections);
    const deliveryUs = await this.#load();
    const [standing] = await metricOfGateways(contender, "carillon_channels");
    const expected = each * connections + HEARD;
    if (standing !== expected) this.problems.push(`the gateway has ${standing} channels instead of ${expected}`);
    return { residentKib, idleMs, churnUs, deliveryUs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#generator[Symbol.asyncDispose]();
  }

  async #connect(): Promise<void> {
    const { connections, contender } = this.#options;
    const { target } = contender;
    const crowd = await this.#generator.call<"crowd">({ command: "crowd", target, connections });
    const range = { from: 0, to: HEARD, parallel: 50 };
    const { ready } = await this.#generator.call<"connect">({ command: "connect", target, channels: "own", ...range });
    this.problems.push(...crowd.problems, ...missingSubscribers(ready, HEARD));
  }

  get #churnedEach(): number {
    return Math.ceil(CHURNED / this.#options.connections);
  }

  /** Channels that nobody had come and go, until no interest in them is left. */
  async #wave(): Promise<void> {
    await this.#change("subscribe", CHURNED_FROM, CHURNED_FROM + this.#churnedEach);
    await this.#change("unsubscribe", CHURNED_FROM, CHURNED_FROM + this.#churnedEach);
    await delay(RELEASED_MS);
  }

  async #change(act: "subscribe" | "unsubscribe", from: number, to: number): Promise<void> {
    const command = { command: "crowd-channels", act, from, to } as const;
    this.problems.push(...(await this.#generator.call<"crowd-channels">(command)).problems);
  }

  /** CPU time of the gateway for each delivery, in microseconds. */
  async #load(): Promise<number> {
    const { contender, duration } = this.#options;
    const reply = await this.#generator.call<"load">({
      command: "load",
      target: contender.target,
      channels: "own",
      shape: { kind: "closed-loop", outstanding: OUTSTANDING },
      warmUpMs: WARM_UP_MS,
      measureMs: LOAD_MS * duration,
      pids: pidsOf(contender),
    });
    this.problems.push(...reply.problems);
    return cpuPerDelivery(reply).gatewayUs;
  }

  async #gatewayMs(act: () => Promise<void>): Promise<number> {
    const { pid } = this.#options.contender.gateway;
    const before = readCpuTime(pid);
    await act();
    return totalMs(cpuTimeBetween(before, readCpuTime(pid)));
  }
}
