import type { ChannelSummary } from "@carillon/core";
import { accept, channelKind, type Result, refuse } from "@carillon/protocol";

/** What `info` may ask about a channel. */
export type InfoAttribute = "user_count" | "subscription_count" | "cache";

/** Reads a list of attributes, with commas between; absent and empty: none. Refuses with `invalid_field`, naming what may be asked. */
export function readInfo(
  text: string | null | undefined,
  allowed: readonly InfoAttribute[],
): Result<ReadonlySet<InfoAttribute>> {
  const asked = new Set<InfoAttribute>();
  for (const name of (text ?? "").split(",")) {
    const trimmed = name.trim();
    if (trimmed === "") continue;
    const known = allowed.find((each) => each === trimmed);
    if (known === undefined) {
      const found = JSON.stringify(trimmed.slice(0, 40));
      return refuse("invalid_field", `"info" has ${found}: here it may have ${allowed.join(", ")}`);
    }
    asked.add(known);
  }
  return accept(asked);
}

/** What was asked of a channel's numbers. `user_count` is told of presence channels alone. */
export function shownCounts(
  { channel, subscriptions, users }: ChannelSummary,
  asked: ReadonlySet<InfoAttribute>,
): Readonly<Record<string, number>> {
  return {
    ...(asked.has("user_count") && channelKind(channel) === "presence" ? { user_count: users ?? 0 } : {}),
    ...(asked.has("subscription_count") ? { subscription_count: subscriptions } : {}),
  };
}
