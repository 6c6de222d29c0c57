/** What a subscriber says and understands of its protocol: as much as the bench needs. */
export interface Dialect {
  /** What a client says first, as soon as its WebSocket is open; null: nothing. */
  readonly hello: string | null;
  /** What stands between several messages in one frame, as a byte that no message contains; null: a frame is a message. */
  readonly separator: number | null;
  /** What a client says when it has heard nothing for so long; null: nothing. */
  readonly keepAlive: KeepAlive | null;
  /** True for the text after which a client may subscribe; null: it may right away. */
  readonly isWelcome: ((text: string) => boolean) | null;
  /** True for a text that says nothing but that somebody is there: it may come at any time, and is no delivery. */
  isSignOfLife(text: string): boolean;
  /** What must be answered to a text that is no delivery; null for nothing. */
  answerTo(text: string): string | null;
  /** The text that subscribes to a channel. */
  subscribe(channel: string): string;
  /** True for the text that says that a subscription stands. */
  isSubscribed(text: string): boolean;
  /** Checks a delivered message; how long it was under way, in microseconds, or null when it isn't what was published. */
  latencyOf(text: string, channel: string): number | null;
}

/** A client's own sign of life. */
interface KeepAlive {
  readonly text: string;
  /** Silence after which it is due. */
  readonly afterMs: number;
}

/** Name of a {@link Dialect}. */
export type DialectName = "native" | "pusher" | "engine-io" | "centrifugo";
