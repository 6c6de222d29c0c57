import type { Channel } from "./channel.ts";
import type { ChannelLog } from "./channel-log.ts";

/** A channel with history, as it stands on this node. */
export interface LoggedChannel {
  readonly channel: Channel;
  readonly log: ChannelLog;
}
