import { execFile, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Program } from "./programs.ts";

const run = promisify(execFile);

/** A process that was started, so that a later run finds it again. */
export interface Started {
  readonly name: string;
  readonly pid: number;
  /** When it began, as `ps` says: a number may have become another process's since. */
  readonly began: string;
}

/** Starts a program that outlives this one, with what it says in `logs`. */
export async function start({ name, command, env }: Program, logs: string): Promise<Started> {
  const [file, ...args] = command;
  const log = openSync(join(logs, `${name}.log`), "a");
  const child = spawn(file ?? "", args, {
    detached: true,
    stdio: ["ignore", log, log],
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env },
  });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  child.unref();
  const pid = child.pid ?? 0;
  return { name, pid, began: (await beginning(pid)) ?? "" };
}

/** True while it runs. */
export async function isRunning({ pid, began }: Started): Promise<boolean> {
  return (await beginning(pid)) === began;
}

/** Ends it, by force when it takes longer than `withinMs`. Resolves when it is gone. */
export async function stop(started: Started, withinMs: number): Promise<void> {
  await signal(started, "SIGTERM");
  if (await isGoneWithin(started, withinMs)) return;
  await signal(started, "SIGKILL");
  await isGoneWithin(started, withinMs);
}

/** Sends a signal, if it still is that process. */
export async function signal(started: Started, name: NodeJS.Signals): Promise<void> {
  if (await isRunning(started)) process.kill(started.pid, name);
}

async function isGoneWithin(started: Started, withinMs: number): Promise<boolean> {
  const endMs = performance.now() + withinMs;
  while (performance.now() < endMs) {
    if (!(await isRunning(started))) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

async function beginning(pid: number): Promise<string | null> {
  const { stdout } = await run("ps", ["-o", "stat=,lstart=", "-p", String(pid)]).catch(() => ({ stdout: "" }));
  const [, state, began] = /^(\S+)\s+(.+)$/.exec(stdout.trim()) ?? [];
  // One that has ended and whose parent hasn't looked yet is no process any more.
  return state === undefined || state.startsWith("Z") ? null : (began ?? null);
}
