import type { HistoryLimits } from "./history-store.ts";

/** What holds for the channels that a pattern matches. */
export interface ChannelRule {
  /** How much is kept; null: nothing, the channel is delivered at most once. */
  readonly history: HistoryLimits | null;
  /** True: who subscribes is sent the newest event at once, or told that there is none. Wants a history. */
  readonly isCache: boolean;
  /** Up to so many members a presence channel tells who comes and goes; with more it only counts. */
  readonly presenceListUpTo: number;
}

/** The rules for channels. Synchronous: asked once when a channel comes to life on a node, and at each publish. */
export interface ChannelRules {
  /** The first rule that matches, or the default one without history. Costs one look-up for a channel seen before. */
  ruleOf(appId: string, channel: string): ChannelRule;
}
