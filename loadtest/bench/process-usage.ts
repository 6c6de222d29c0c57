import { readFileSync } from "node:fs";

/** CPU time that a process has used since it began, over all its threads, in milliseconds. */
export interface CpuTime {
  readonly userMs: number;
  readonly systemMs: number;
}

// Linux shows user space 100 ticks a second on x86 and arm, whatever the kernel's own rate is.
const MS_PER_TICK = 10;

/** Reads a process's CPU time from /proc (Linux only). Throws when the process is gone. Resolution: 10 ms. */
export function readCpuTime(pid: number): CpuTime {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The second field is the program's name in brackets and may hold blanks; count from behind it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { userMs: Number(fields[11]) * MS_PER_TICK, systemMs: Number(fields[12]) * MS_PER_TICK };
}

/** Resident memory of a process in KiB (VmRSS). Throws when the process is gone. */
export function readResidentKib(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  if (match === null) throw new Error(`process ${pid} has no resident memory`);
  return Number(match[1]);
}

/** Process ids of those that a process has started itself and that still run (Linux only). */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
  return text === "" ? [] : text.split(" ").map(Number);
}

/** `after - before`. */
export function cpuTimeBetween(before: CpuTime, after: CpuTime): CpuTime {
  return { userMs: after.userMs - before.userMs, systemMs: after.systemMs - before.systemMs };
}

/** User and system time together, in milliseconds. */
export function totalMs(time: CpuTime): number {
  return time.userMs + time.systemMs;
}
