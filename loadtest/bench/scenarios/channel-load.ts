import { setTimeout as delay } from "node:timers/promises";
import type { GatewayProcess, RunningContender } from "../contender.ts";
import type { Target } from "../generator/messages.ts";
import { GeneratorProcess } from "../generator-process.ts";
import { cpuTimeBetween, readCpuTime, totalMs } from "../process-usage.ts";
import { cpuPerDelivery, missingSubscribers } from "../scenario.ts";

/** Channels that come and go at a time. */
export const CHURNED = 4_000;
/** Where their numbers begin, behind those of all others. */
const CHURNED_FROM = 1_000;
/** The default would have the channels of one measurement linger into the next. */
export const LINGER_SECONDS = 1;
/** Until interest has ended: what lingers is looked through five times in that while. */
const RELEASED_MS = LINGER_SECONDS * 1000 * 1.5;

/** Channels to which events go, each with a subscriber. */
export const HEARD = 200;
export const OUTSTANDING = 16;
const LOAD_MS = 1_500;
const WARM_UP_MS = 500;
const PARALLEL = 50;

/** What to put load on. */
interface ChannelLoadOptions {
  readonly contender: RunningContender;
  readonly gateway: GatewayProcess;
  /** Keeps its clients' addresses apart from those of others. */
  readonly block: number;
  /** Connections that hold the channels. */
  readonly connections: number;
  /** Factor on measuring times. */
  readonly duration: number;
}

/** One gateway with many channels, on which some come and go and some are published to. */
export class ChannelLoad {
  /** What went wrong, in words. */
  readonly problems: string[] = [];
  readonly #options: ChannelLoadOptions;
  readonly #crowd: GeneratorProcess;
  #each = 0;

  private constructor(options: ChannelLoadOptions) {
    this.#options = options;
    this.#crowd = new GeneratorProcess(options.block);
  }

  /** Connects those who hold the channels. */
  static async open(options: ChannelLoadOptions): Promise<ChannelLoad> {
    const load = new ChannelLoad(options);
    const { connections } = options;
    const { problems } = await load.#crowd.call<"crowd">({ command: "crowd", target: load.#target, connections });
    load.problems.push(...problems);
    return load;
  }

  /** Channels that are there, besides those that come and go. */
  get channels(): number {
    return this.#each * this.#options.connections;
  }

  /** CPU time of the gateway while something is done, in milliseconds. */
  async cpuMs(act: () => Promise<unknown>): Promise<number> {
    const { pid } = this.#options.gateway.process;
    const before = readCpuTime(pid);
    await act();
    return totalMs(cpuTimeBetween(before, readCpuTime(pid)));
  }

  /** Gives each connection so many channels. */
  async fill(each: number): Promise<void> {
    await this.#change("subscribe", this.#each, each);
    this.#each = each;
  }

  /**
   * Has channels that nobody had come and go, until no interest in them is left; resolves with the CPU time that one takes, in
   * microseconds. `idleMs`: what the gateway takes in a second anyway.
   */
  async churn(idleMs: number): Promise<number> {
    const { connections } = this.#options;
    const each = Math.ceil(CHURNED / connections);
    const began = performance.now();
    const usedMs = await this.cpuMs(async () => {
      await this.#change("subscribe", CHURNED_FROM, CHURNED_FROM + each);
      await this.#change("unsubscribe", CHURNED_FROM, CHURNED_FROM + each);
      await delay(RELEASED_MS);
    });
    const idleShareMs = (idleMs * (performance.now() - began)) / 1000;
    return ((usedMs - idleShareMs) * 1000) / (each * connections);
  }

  /** Publishes to some channels; resolves with the CPU time of a delivery, in microseconds. */
  async deliver(): Promise<number> {
    const { block, duration, gateway } = this.#options;
    // The subscribers go with their process: those of the other gateways would be published to as well.
    await using generator = new GeneratorProcess(block + 1);
    const target = this.#target;
    const range = { from: 0, to: HEARD, parallel: PARALLEL };
    const { ready } = await generator.call<"connect">({ command: "connect", target, channels: "own", ...range });
    const reply = await generator.call<"load">({
      command: "load",
      target,
      channels: "own",
      shape: { kind: "closed-loop", outstanding: OUTSTANDING },
      warmUpMs: WARM_UP_MS,
      measureMs: LOAD_MS * duration,
      pids: [gateway.process.pid],
    });
    this.problems.push(...missingSubscribers(ready, HEARD), ...reply.problems);
    return cpuPerDelivery(reply).gatewayUs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#crowd[Symbol.asyncDispose]();
  }

  get #target(): Target {
    const { contender, gateway } = this.#options;
    return { ...contender.target, socketPort: gateway.socketPort };
  }

  async #change(act: "subscribe" | "unsubscribe", from: number, to: number): Promise<void> {
    const { problems } = await this.#crowd.call<"crowd-channels">({ command: "crowd-channels", act, from, to });
    this.problems.push(...problems);
  }
}
