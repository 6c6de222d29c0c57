import type { WireHistory } from "./wire.ts";

/** Which part of a history to read. */
export interface HistoryOptions {
  /** Most events, 1 to 1,000. Default 100. */
  readonly limit?: number;
  /** Only what came after this position; goes with `forward`. */
  readonly since?: string;
  /** `backward`: newest first. Default `forward`: oldest first. */
  readonly direction?: "forward" | "backward";
}

/** An event of the past. */
export interface HistoryEvent<Payload = unknown> {
  readonly event: string;
  readonly payload: Payload;
  readonly position: string;
  /** When it was accepted, in ms since 1970. */
  readonly timeMs: number;
}

/** An event of the past of a channel with these events: which payload it has, its `event` tells. */
export type PastEvent<Events, Name extends keyof Events & string = keyof Events & string> = {
  [Event in Name]: HistoryEvent<Events[Event]> & { readonly event: Event };
}[Name];

/** A part of a history. */
export interface HistoryPage<Past = HistoryEvent> {
  readonly events: readonly Past[];
  /** The newest position of the channel. */
  readonly position: string;
  /** True when a limit cut it short. */
  readonly hasMore: boolean;
  /** With `since`: false when events between it and the first of the page are kept no more. */
  readonly isComplete?: boolean;
}

/** A page out of the answer of the server. */
export function toHistoryPage({ publications, position, hasMore, reachable }: WireHistory): HistoryPage {
  return {
    events: publications.map(({ time, ...rest }) => ({ ...rest, timeMs: time })),
    position,
    hasMore,
    ...(reachable === undefined ? {} : { isComplete: reachable }),
  };
}
