import type { HistoryLimits } from "./history-store.ts";

/** What holds for the channels that a pattern matches. */
export interface ChannelRule {
  /** How much is kept; null: nothing, the channel is delivered at most once. */
  readonly history: HistoryLimits | null;
}

/** The rules for channels. Synchronous: asked once when a channel comes to life on a node, and at each publish. */
export interface ChannelRules {
  /** The first rule that matches, or the default one without history. Costs one look-up for a channel seen before. */
  ruleOf(appId: string, channel: string): ChannelRule;
}
