/** What a node counts for one app. Only ever grows. */
export interface AppCounters {
  /** Events accepted for publishing, from clients and over HTTP. */
  eventsPublished: number;
  /** Deliveries: one for each publication and subscribed connection. */
  deliveries: number;
}

/**
 * Counts by app, once for each publication: an app's id is in the configuration, so there are not more than it has had apps.
 */
export class AppCounts {
  readonly #counters = new Map<string, AppCounters>();

  /** The counters of an app; the object stays. */
  of(appId: string): AppCounters {
    let counters = this.#counters.get(appId);
    if (counters === undefined) {
      counters = { eventsPublished: 0, deliveries: 0 };
      this.#counters.set(appId, counters);
    }
    return counters;
  }

  /** What was counted for each app; apps without anything may be left out. */
  get byApp(): ReadonlyMap<string, Readonly<AppCounters>> {
    return this.#counters;
  }
}
