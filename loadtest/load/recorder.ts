import { availableParallelism } from "node:os";
import type { Moment } from "../k6/lib/page.ts";
import type { K6Process } from "./k6-process.ts";
import type { RoleUsage, WatchedProcess } from "./usage.ts";
import { machineTicks, usageByRole } from "./usage.ts";

/** The role of the generator among watched processes. */
export const GENERATOR = "k6";

/** What was used, by role, when a phase began. */
export interface PhaseMark {
  /** Its number in the plan; 0 while clients connect, one more than there are at the end. */
  readonly phase: number;
  readonly atMs: number;
  readonly connected: number;
  readonly usage: ReadonlyMap<string, RoleUsage>;
  readonly ticks: { readonly all: number; readonly idle: number };
}

interface RecorderOptions {
  readonly generators: readonly K6Process[];
  /** Those under test, at this moment; empty when they run elsewhere. */
  readonly system: () => readonly WatchedProcess[];
}

/** Watches a run from outside, once a second. */
export class Recorder {
  readonly #generators: readonly K6Process[];
  readonly #system: () => readonly WatchedProcess[];
  readonly #isSystemHere: boolean;
  readonly #beganMs = performance.now();
  readonly #moments: Moment[] = [];
  readonly #marks: PhaseMark[] = [];
  #lastUsage: ReadonlyMap<string, RoleUsage>;
  #lastMs = performance.now();
  #lastDeliveries = 0;

  constructor({ generators, system }: RecorderOptions) {
    this.#generators = generators;
    this.#isSystemHere = system().length > 0;
    this.#system = system;
    this.#lastUsage = this.#usage();
    this.#mark({ phase: 0, connected: 0 });
  }

  get moments(): readonly Moment[] {
    return this.#moments;
  }

  /** What was used when each phase began, and at the end. */
  get marks(): readonly PhaseMark[] {
    return this.#marks;
  }

  /** Looks once. Returns what it saw, and the phase. */
  async look(): Promise<{ readonly moment: Moment; readonly phase: number }> {
    const sum = async (name: string): Promise<number> =>
      (await Promise.all(this.#generators.map((each) => each.metric(name)))).reduce((total, value) => total + value, 0);
    const [opened, closed, deliveries, phase] = await Promise.all(
      ["connections_opened", "connections_closed", "deliveries", "phase"].map(sum),
    );
    const nowMs = performance.now();
    const seconds = (nowMs - this.#lastMs) / 1_000;
    const usage = this.#usage();
    const cores = (role: (name: string) => boolean): number =>
      this.#cpuBetween(this.#lastUsage, usage, role) / 1_000 / seconds;
    const connected = Math.max(0, (opened ?? 0) - (closed ?? 0));
    const memoryKib = [...usage].reduce(
      (total, [role, { residentKib }]) => (role === GENERATOR ? total : total + residentKib),
      0,
    );
    const moment: Moment = {
      second: Math.round((nowMs - this.#beganMs) / 100) / 10,
      connected,
      deliveriesPerSecond: Math.max(0, Math.round(((deliveries ?? 0) - this.#lastDeliveries) / seconds)),
      memoryMib: this.#isSystemHere ? Math.round(memoryKib / 1024) : null,
      systemCores: this.#isSystemHere ? cores((role) => role !== GENERATOR) : null,
      generatorCores: cores((role) => role === GENERATOR),
    };
    // A process that has ended tells nothing any more.
    if (usage.get(GENERATOR)?.processes !== this.#generators.length) return { moment, phase: phase ?? 0 };
    this.#lastUsage = usage;
    this.#lastMs = nowMs;
    this.#lastDeliveries = deliveries ?? 0;
    this.#moments.push(moment);
    if ((phase ?? 0) > (this.#marks.at(-1)?.phase ?? 0)) this.#mark({ phase: phase ?? 0, connected });
    return { moment, phase: phase ?? 0 };
  }

  /** Signs, seen from outside, that the generator was too busy to measure well: its machine had less than this share free. */
  generatorProblems(leastIdle: number): readonly string[] {
    const began = this.#marks.find(({ phase }) => phase > 0);
    const ended = this.#marks.at(-1);
    if (began === undefined || ended === undefined || ended === began) return [];
    const all = ended.ticks.all - began.ticks.all;
    const idle = (ended.ticks.idle - began.ticks.idle) / (all || 1);
    if (idle >= leastIdle) return [];
    const used = this.#cpuBetween(began.usage, ended.usage, (role) => role === GENERATOR) / (ended.atMs - began.atMs);
    return [
      `the generator's machine had ${(idle * 100).toFixed(0)} % of its ${availableParallelism()} cores free (at least ${leastIdle * 100} % are needed; k6 used ${used.toFixed(1)})`,
    ];
  }

  /** Notes the end of the last phase: what was seen last while the generator was still there. */
  finish(): void {
    const last = this.#marks.at(-1);
    const { connected = 0 } = this.#moments.at(-1) ?? {};
    const phase = (last?.phase ?? 0) + 1;
    this.#marks.push({ phase, connected, atMs: this.#lastMs, usage: this.#lastUsage, ticks: machineTicks() });
  }

  #usage(): ReadonlyMap<string, RoleUsage> {
    const generators = this.#generators.map(({ pid }) => ({ role: GENERATOR, pid }));
    return usageByRole([...this.#system(), ...generators]);
  }

  #mark({ phase, connected }: Pick<PhaseMark, "phase" | "connected">): void {
    this.#marks.push({ phase, connected, atMs: performance.now(), usage: this.#usage(), ticks: machineTicks() });
  }

  #cpuBetween(
    before: ReadonlyMap<string, RoleUsage>,
    after: ReadonlyMap<string, RoleUsage>,
    isWanted: (role: string) => boolean,
  ): number {
    let ms = 0;
    for (const [role, { cpuMs }] of after) if (isWanted(role)) ms += cpuMs - (before.get(role)?.cpuMs ?? 0);
    return Math.max(0, ms);
  }
}
