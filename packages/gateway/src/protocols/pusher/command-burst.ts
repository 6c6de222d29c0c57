import type { Session } from "@carillon/core";

/** How many commands may come at once where an app sets no limit to the channels of a connection. */
const BURST_WITHOUT_CHANNEL_LIMIT = 2000;

/** A client subscribes to one channel with each command, and to all of its channels at once when it comes back. */
export function burstOf({ app }: Session): number {
  const { commandsPerSecond, channelsPerConnection } = app.settings.limits;
  const channels = channelsPerConnection === 0 ? BURST_WITHOUT_CHANNEL_LIMIT : channelsPerConnection;
  return 2 * commandsPerSecond + 2 * channels;
}
