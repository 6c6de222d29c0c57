import { readFileSync } from "node:fs";
import { readCpuTime, readResidentKib, totalMs } from "../bench/process-usage.ts";

/** A process, by the part that it plays. */
export interface WatchedProcess {
  readonly role: string;
  readonly pid: number;
}

/** What the processes of one role had used at a moment. */
export interface RoleUsage {
  readonly cpuMs: number;
  readonly residentKib: number;
  readonly processes: number;
}

/** What all processes had used at a moment, by role. Processes that are gone are left out. */
export function usageByRole(processes: readonly WatchedProcess[]): ReadonlyMap<string, RoleUsage> {
  const usage = new Map<string, RoleUsage>();
  for (const { role, pid } of processes) {
    const one = usageOf(pid);
    if (one === null) continue;
    const sum = usage.get(role) ?? { cpuMs: 0, residentKib: 0, processes: 0 };
    usage.set(role, {
      cpuMs: sum.cpuMs + one.cpuMs,
      residentKib: sum.residentKib + one.residentKib,
      processes: sum.processes + 1,
    });
  }
  return usage;
}

/** Processor time of the whole machine since it began, in ticks: all of it, and what was idle. */
export function machineTicks(): { readonly all: number; readonly idle: number } {
  const [first = ""] = readFileSync("/proc/stat", "latin1").split("\n");
  // user nice system idle iowait irq softirq steal; guest time is in user already.
  const fields = first.split(/\s+/).slice(1, 9).map(Number);
  return { all: fields.reduce((sum, ticks) => sum + ticks, 0), idle: (fields[3] ?? 0) + (fields[4] ?? 0) };
}

function usageOf(pid: number): { readonly cpuMs: number; readonly residentKib: number } | null {
  try {
    return { cpuMs: totalMs(readCpuTime(pid)), residentKib: readResidentKib(pid) };
  } catch {
    // It has ended.
    return null;
  }
}
