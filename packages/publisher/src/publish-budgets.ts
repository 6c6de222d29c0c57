import type { App, Clock } from "@carillon/core";
import { PublishBudget } from "./publish-budget.ts";
import type { PublishRequest } from "./publish-request.ts";

/** That an app may publish no more for now. */
export interface Limited {
  /** Says so, and what to do. */
  readonly message: string;
  /** In whole seconds, at least 1. */
  readonly retryAfter: string;
}

/** What each app may publish over HTTP here, by whatever API. */
export class PublishBudgets {
  readonly #clock: Clock;
  // By the app itself, which stays the same over reloads and is let go of when the configuration drops it.
  readonly #budgets = new WeakMap<App, PublishBudget>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes events, each once for each of its channels; null when they may go. */
  spend(app: App, requests: readonly PublishRequest[]): Limited | null {
    const perSecond = app.settings.limits.publishesPerSecond;
    if (perSecond === 0) return null;
    let budget = this.#budgets.get(app);
    if (budget === undefined) {
      budget = new PublishBudget();
      this.#budgets.set(app, budget);
    }
    let count = 0;
    for (const { channels } of requests) count += channels.length;
    const waitMs = budget.spend(count, perSecond, this.#clock.monotonic());
    if (waitMs === 0) return null;
    const retryAfter = String(Math.max(1, Math.ceil(waitMs / 1000)));
    const limit = `the app may publish ${perSecond} events a second here (limits.publishesPerSecond)`;
    return { message: `${limit}: nothing was published, try again in ${retryAfter} s`, retryAfter };
  }
}
