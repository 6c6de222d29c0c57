/** What a node counts about presence. Counters only grow. */
export interface PresenceCounters {
  /** Deltas that this node announced, and those that it heard of others. */
  deltasSent: number;
  deltasReceived: number;
  /** Deltas that didn't follow on what was known, so that the node had to be asked. */
  gaps: number;
  /** Times that others were asked for their part of channels. */
  pulls: number;
  /** Those that some node didn't answer in time. */
  pullsIncomplete: number;
  /** Changes that subscribers here were told: one for each channel and flush. */
  changesTold: number;
}

/** Counters that stand at zero. */
export function createPresenceCounters(): PresenceCounters {
  return { deltasSent: 0, deltasReceived: 0, gaps: 0, pulls: 0, pullsIncomplete: 0, changesTold: 0 };
}
