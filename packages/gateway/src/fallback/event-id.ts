import type { SubscribedFrame } from "@carillon/protocol";
import type { OutFrame } from "./out-frame.ts";

/** A place in a session, as an event's id tells it. */
export interface EventPlace {
  readonly sessionId: string;
  /** Number of the last frame that the client has. */
  readonly after: number;
  /** Where the client stands in the history of its one channel; null: nobody has told it. */
  readonly position: string | null;
}

/** The number, the session's id, and a position, which has colons of its own. */
const EVENT_ID = /^(\d{1,15}):([\w.-]{1,64})(?::([\w:-]{1,64}))?$/;
const SUBSCRIBED = '{"type":"subscribed"';

/** The place that an event's id names; null for an id that is none of ours. */
export function placeOfEvent(eventId: string): EventPlace | null {
  const match = EVENT_ID.exec(eventId);
  if (match === null) return null;
  return { after: Number(match[1]), sessionId: String(match[2]), position: match[3] ?? null };
}

/**
 * Makes the ids of a stream's events. Where the client follows a single channel that it named in the query, they carry its
 * position there: a reader that can do no more than show the last id is then able to recover when its session is gone.
 */
export class EventIds {
  readonly #sessionId: string;
  readonly #channel: string | null;
  #position: string | null;

  /** `channel`: the only one; null: there are several or none. `position`: where the client stands. */
  constructor(sessionId: string, channel: string | null, position: string | null) {
    this.#sessionId = sessionId;
    this.#channel = channel;
    this.#position = position;
  }

  /** The id before any frame. */
  first(after: number): string {
    return this.#idOf(after);
  }

  /** The id of the next frame; in the order of the frames. */
  next(number: number, frame: OutFrame): string {
    if (this.#channel !== null) this.#follow(frame, this.#channel);
    return this.#idOf(number);
  }

  #idOf(number: number): string {
    return this.#position === null ? `${number}:${this.#sessionId}` : `${number}:${this.#sessionId}:${this.#position}`;
  }

  #follow(frame: OutFrame, channel: string): void {
    const at = frame.deliveredAt;
    if (at !== null) {
      if (at.channel === channel) this.#position = at.position;
      return;
    }
    const text = Buffer.from(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.byteLength);
    if (text.toString("latin1", 0, SUBSCRIBED.length) !== SUBSCRIBED) return;
    const answer = JSON.parse(text.toString()) as SubscribedFrame;
    if (answer["channel"] !== channel) return;
    const { recovered, rewound, cached } = answer;
    // What was missed or asked for follows an answer that says so: until it is here, the older position holds.
    if (recovered === true || rewound !== undefined || cached === true) return;
    this.#position = answer.position ?? null;
  }
}
