import {
  type ClusterControl,
  EventPublisher,
  type EventPublisherOptions,
  type IdSource,
  type NewEvent,
  type Position,
} from "@carillon/core";
import { type Refusal, refuse } from "@carillon/protocol";
import type { PublishRequest } from "./publish-request.ts";

/** What became of one event, channel by channel. */
export interface SendOutcome {
  /** The event's id on all of its channels; null when none was given and none of them was accepted. */
  readonly id: string | null;
  /** When it was accepted first, in milliseconds since 1970; null when it was not. */
  readonly timeMs: number | null;
  /** Channels for which the bus has it, repeats included. */
  readonly accepted: readonly string[];
  /** Accepted channels that had it from an earlier call with the same id, and did not get it again. */
  readonly duplicates: readonly string[];
  /** Where the event stands in the histories of the accepted channels; those without a history are not in it. */
  readonly positions: readonly (readonly [channel: string, position: Position])[];
  /** Channels for which the bus can't be known to have it. */
  readonly refused: readonly string[];
  /** Why, for the last of the refused ones; null when all were accepted. */
  readonly refusal: Refusal | null;
  /** What became of the receipts, where some were asked for and the event went out. */
  readonly receipts?: ReceiptCount;
}

/** How many subscribers got an event, and how many of them said so in time. */
export interface ReceiptCount {
  readonly expected: number;
  readonly received: number;
  /** False when a gateway did not answer, or did not see the event in time. */
  readonly complete: boolean;
}

const NONE: readonly never[] = [];
const NOT_SENT = refuse("bus_unavailable", "nothing was sent");

/** Publishes checked requests. Every event reaches the bus before the first answer is waited for, in the caller's order. */
export class EventSender {
  readonly #ids: IdSource;
  readonly #events: EventPublisher;

  constructor(options: EventPublisherOptions) {
    this.#ids = options.ids;
    this.#events = new EventPublisher(options);
  }

  /** Publishes one event on its channels. Never refuses as a whole: the outcome tells what was accepted. */
  send(appId: string, { channels, event }: PublishRequest): Promise<SendOutcome> {
    const [channel] = channels;
    if (channel === undefined || channels.length > 1) return this.#sendToMany(appId, channels, event);
    return this.#events.publish({ appId, channel }, event).then((result) => {
      if (!result.ok) return refusedOutcome(event.id ?? null, channels, result);
      const { messageId, timeMs, isDuplicate, position } = result.value;
      const duplicates = isDuplicate ? channels : NONE;
      const positions = position === null ? NONE : [[channel, position] as const];
      return { id: messageId, timeMs, accepted: channels, duplicates, positions, refused: NONE, refusal: null };
    });
  }

  /** Publishes one event on its only channel, and waits until its subscribers have said that they have it, or the time is up. */
  async sendForReceipts(appId: string, request: PublishRequest, control: ClusterControl): Promise<SendOutcome> {
    const [channel = ""] = request.channels;
    const messageId = request.event.id ?? this.#ids.messageId();
    const event: NewEvent = { ...request.event, id: messageId, wantsReceipt: true };
    let outcome = refusedOutcome(messageId, request.channels, NOT_SENT);
    const publish = async () => {
      outcome = await this.send(appId, { ...request, event });
      return outcome.refusal === null && outcome.duplicates.length === 0;
    };
    const result = await control.receipts({ appId, channel }, { messageId, timeoutMs: request.receiptsMs, publish });
    if (result === null) return outcome;
    const { expected, received, isComplete: complete } = result;
    return { ...outcome, receipts: { expected, received, complete } };
  }

  async #sendToMany(appId: string, channels: readonly string[], event: NewEvent): Promise<SendOutcome> {
    // One event has one id on all of its channels, so that a client on several of them can tell that it is the same.
    const id = event.id ?? this.#ids.messageId();
    const withId = { ...event, id };
    const results = await Promise.all(channels.map((channel) => this.#events.publish({ appId, channel }, withId)));
    const accepted: string[] = [];
    const duplicates: string[] = [];
    const positions: (readonly [string, Position])[] = [];
    const refused: string[] = [];
    let refusal: Refusal | null = null;
    let timeMs: number | null = null;
    for (const [index, channel] of channels.entries()) {
      const result = results[index];
      if (result?.ok === true) {
        accepted.push(channel);
        timeMs ??= result.value.timeMs;
        if (result.value.position !== null) positions.push([channel, result.value.position]);
        if (result.value.isDuplicate) duplicates.push(channel);
      } else {
        refused.push(channel);
        refusal = result ?? null;
      }
    }
    return { id, timeMs, accepted, duplicates, positions, refused, refusal };
  }
}

function refusedOutcome(id: string | null, channels: readonly string[], refusal: Refusal): SendOutcome {
  return { id, timeMs: null, accepted: NONE, duplicates: NONE, positions: NONE, refused: channels, refusal };
}
