import type { App, AppSettings, Clock } from "@carillon/core";
import { DEV_APP } from "@carillon/service";

/** An app with the dev app's settings and these changes. */
export function testApp(changes: Partial<AppSettings> = {}): App {
  const settings: AppSettings = { ...DEV_APP, ...changes };
  return { id: settings.id, settings };
}

/** A clock that stands still until it is moved. Timers are not needed where it is used. */
export class StillClock implements Clock {
  #nowMs = 1_700_000_000_000;

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }

  after(): never {
    throw new Error("this clock has no timers");
  }

  afterTurn(): never {
    throw new Error("this clock has no turns");
  }

  every(): never {
    throw new Error("this clock has no timers");
  }
}
