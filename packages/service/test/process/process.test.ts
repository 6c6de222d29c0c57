import { execFileSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { FakeClock } from "@carillon/testkit";
import { describe, expect, test } from "vitest";
import { createSilentLogger } from "../../src/process/logger.ts";
import { openFileLimit, parseOpenFileLimit } from "../../src/process/open-file-limit.ts";
import { systemClock } from "../../src/process/system-clock.ts";
import { onTermination, type TerminationOptions } from "../../src/process/termination.ts";

describe("openFileLimit", () => {
  test.runIf(process.platform === "linux")("is what the shell says, too", () => {
    const shown = execFileSync("sh", ["-c", "ulimit -Sn"], { encoding: "utf8" }).trim();
    expect(openFileLimit()).toBe(shown === "unlimited" ? Number.POSITIVE_INFINITY : Number(shown));
  });

  test.each([
    [
      "Max processes             63432  63432  processes \nMax open files            1024                 524288               files     \n",
      1024,
    ],
    ["Max open files            unlimited            unlimited            files     \n", Number.POSITIVE_INFINITY],
    ["Max cpu time              unlimited            unlimited            seconds   \n", null],
    ["", null],
  ])("of %j is %s", (text, limit) => {
    expect(parseOpenFileLimit(text)).toBe(limit);
  });
});

describe("onTermination", () => {
  /** What a process gives to it: signals and an exit. */
  class SignalledProcess extends EventEmitter {
    readonly exits: number[] = [];

    exit(code: number): void {
      this.exits.push(code);
    }
  }

  function listen(drain: TerminationOptions["drain"]) {
    const source = new SignalledProcess();
    const stop = onTermination({ drain, log: createSilentLogger(), source });
    return { source, stop };
  }

  test("the first signal drains once and doesn't exit", async () => {
    const drained: string[] = [];
    const { source } = listen(async (signal) => void drained.push(signal));
    source.emit("SIGTERM");
    await new Promise((resolve) => setImmediate(resolve));
    expect([drained, source.exits]).toEqual([["SIGTERM"], []]);
  });

  test.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ])("a second one, %s, exits at once with %d", (signal, code) => {
    let drains = 0;
    const { source } = listen(() => {
      drains += 1;
      return new Promise(() => undefined);
    });
    source.emit("SIGINT");
    source.emit(signal);
    expect([drains, source.exits]).toEqual([1, [code]]);
  });

  test.each([
    ["never ends", () => new Promise<void>(() => undefined)],
    ["ends, and leaves something behind that keeps the process alive", () => Promise.resolve()],
  ])("a drain that %s is given up when its time is over, with the code for that", async (_what, drain) => {
    const source = new SignalledProcess();
    const clock = new FakeClock();
    const overdue = { withinMs: 5000, exitCode: 75, stage: () => "drain", clock };
    onTermination({ drain, log: createSilentLogger(), source, overdue });
    clock.advance(60_000);
    source.emit("SIGTERM");
    clock.advance(4999);
    expect(source.exits).toEqual([]);
    clock.advance(1);
    expect(source.exits).toEqual([75]);
  });

  test("a drain that fails exits with 1", async () => {
    const { source } = listen(async () => {
      throw new Error("drain");
    });
    source.emit("SIGTERM");
    await new Promise((resolve) => setImmediate(resolve));
    expect(source.exits).toEqual([1]);
  });

  test("after it was stopped no signal is heard", () => {
    const { source, stop } = listen(() => Promise.resolve());
    stop();
    expect([source.listenerCount("SIGTERM"), source.listenerCount("SIGINT")]).toEqual([0, 0]);
  });
});

describe("systemClock", () => {
  test("tells the platform's time, and one that doesn't go back", () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000);
    const first = systemClock.monotonic();
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(first);
  });

  test("after runs once, unless cancelled before", async () => {
    const ran: string[] = [];
    systemClock.after(0, () => void ran.push("cancelled")).cancel();
    const timer = systemClock.after(0, () => void ran.push("first"));
    await new Promise<void>((resolve) => systemClock.after(1, resolve));
    timer.cancel();
    expect(ran).toEqual(["first"]);
  });

  test("every runs until cancelled", async () => {
    let runs = 0;
    await new Promise<void>((resolve) => {
      const timer = systemClock.every(1, () => {
        runs += 1;
        if (runs < 3) return;
        timer.cancel();
        resolve();
      });
    });
    expect(runs).toBe(3);
  });
});
