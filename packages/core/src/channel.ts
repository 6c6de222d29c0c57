import type { ChannelLog } from "./channel-log.ts";
import type { Burst } from "./coalescer.ts";
import type { BusReceiver, ChannelAddress } from "./ports/bus.ts";
import type { StreamStamp } from "./ports/history-store.ts";
import type { TraceContext } from "./ports/tracer.ts";

/** Takes what the bus brings for a channel. */
export type ChannelSink = (
  channel: Channel,
  envelope: Uint8Array,
  stamp: StreamStamp | undefined,
  trace?: TraceContext,
) => void;

/**
 * Where a channel stands on this node.
 * - `acquiring`: the bus has been asked for interest; `held` settles when it stands.
 * - `held`: the bus delivers.
 * - `released`: interest is gone for good. A later subscriber gets a new Channel, so a late effect on this one is harmless.
 */
export type ChannelState = "acquiring" | "held" | "released";

/**
 * One channel that somebody on this node is subscribed to, or was a moment ago. It is at the same time the node's interest
 * on the bus, so there is one object a channel: 100,000 of them are normal. Owned by ChannelRegistry.
 */
export class Channel implements BusReceiver {
  readonly appId: string;
  readonly channel: string;
  readonly #sink: ChannelSink;
  /** Who wants the interest: subscriptions that stand or are about to. Counted by ChannelRegistry alone. */
  references = 0;
  state: ChannelState = "acquiring";
  /** Settles when the interest stands or was refused by the bus; null once it stands. */
  whenHeld: Promise<void> | null = null;
  /** When lingering ends, in monotonic milliseconds; 0 while somebody wants the interest. */
  lingersUntilMs = 0;
  /** True while ChannelRegistry has it in its queue of lingering channels, whether it still lingers or not. */
  isQueued = false;
  /** Standing subscriptions by index of the codec. Counted by Hub alone. Short: it grows only to the codecs seen. */
  subscribersByCodec: number[] = [];
  /** What waits to be written together; null until many listen. Coalescer's alone. */
  burst: Burst | null = null;

  /** The channel's newest publications; null on channels without history. */
  readonly log: ChannelLog | null;

  constructor(address: ChannelAddress, sink: ChannelSink, log: ChannelLog | null) {
    this.appId = address.appId;
    this.channel = address.channel;
    this.#sink = sink;
    this.log = log;
  }

  /** Subscriptions that stand on this node. */
  get subscribers(): number {
    let sum = 0;
    for (const count of this.subscribersByCodec) sum += count;
    return sum;
  }

  receive(envelope: Uint8Array, stamp?: StreamStamp, trace?: TraceContext): void {
    this.#sink(this, envelope, stamp, trace);
  }
}
