import type { Channel } from "./channel.ts";
import type { ChannelAuthorization } from "./options.ts";

/** How a channel is wanted, for its first subscribe: the first that says it counts, and nobody once the channel is subscribed. */
export interface SubscribeOptions {
  /** Begin with the newest so many events (1 to 1,000), or all that are kept. For channels with a history. */
  readonly rewind?: number | "beginning" | undefined;
  /** Begin behind this position, as a former delivery or a page rendered on a server had it. */
  readonly since?: string | undefined;
}

/** What is known of a channel that is wanted. */
export interface Wanted {
  readonly channel: Channel;
  options: SubscribeOptions;
  /** The last that the server has told. */
  position: string | undefined;
  /** True once a subscribe was answered, and what was to follow the answer has begun to: from then on events can be missed. */
  hasBegun: boolean;
  /** On this connection: nothing sent, an ask under way (also for a token), one that has failed and is tried again, or done. */
  phase: "none" | "asking" | "waiting" | "done";
  failures: number;
}

/** How a subscribe asks for it. */
export function targetOf(
  { channel, position, options, hasBegun }: Wanted,
  authorization: ChannelAuthorization | null,
): object {
  const isFirst = !hasBegun && position === undefined;
  return {
    channel: channel.name,
    ...authorization,
    ...(position === undefined ? {} : { recover: position }),
    ...(isFirst && options.rewind !== undefined ? { rewind: options.rewind } : {}),
  };
}
