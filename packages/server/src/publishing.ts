import type { ChannelMap, ChannelNameOf, EventNameOf, PublishablePayloadOf } from "@carillon/protocol";
import { isSenderId } from "@carillon/protocol";
import type { Answer } from "./answer.ts";
import { CarillonError } from "./carillon-error.ts";
import type { CallOptions } from "./http-transport.ts";
import { checkConnectionId, checkEvent, checkPublishable, invalid } from "./ids.ts";
import type { NativeApi, NativeCall } from "./native-api.ts";
import { checkJson, type PayloadCheck } from "./payload-check.ts";

/** What may be said of an event besides where it goes and what it holds. */
export interface EventOptions {
  /**
   * The event's id, 1 to 128 bytes: events with the same one are delivered once within two minutes. Absent: one is made.
   */
  readonly id?: string | undefined;
  /** A connection id or sender id that doesn't get the event, such as that of the tab that caused it. */
  readonly exclude?: string | undefined;
  /** The same under Pusher's name. */
  readonly socketId?: string | undefined;
  /**
   * False: without any id. Then the event costs no look at the store of ids (and goes out where there is none), and is
   * sent again by itself only after refusals that had no effect. Default: true.
   */
  readonly idempotent?: boolean | undefined;
}

/** What may be said of a trigger. */
export interface TriggerOptions extends EventOptions, CallOptions {
  /**
   * Waits until all connections that got the event have said so, or the time is up; on one channel only. 1 to 30,000 ms.
   */
  readonly receipts?: { readonly timeoutMs: number } | undefined;
}

/** What became of an event that was accepted. */
export interface TriggerResult {
  /** The event's id on all of its channels. */
  readonly id: string;
  /** When it was accepted, in ms since 1970. */
  readonly timeMs: number;
  /** The channels for which it was accepted. */
  readonly channels: readonly string[];
  /** Those of them that had it already, from an earlier call with the same id. */
  readonly duplicates: readonly string[];
  /** Where it stands in the histories of those channels that keep one, by channel. */
  readonly positions: Readonly<Record<string, string>>;
  /** Who said that they have it; null when nobody was asked to, or when a repeat found the event out already. */
  readonly receipts: Receipts | null;
}

/** How many connections an event was delivered to, and how many of them said in time that they have it. */
export interface Receipts {
  readonly expected: number;
  readonly received: number;
  /** False when a gateway did not answer or did not see the event: the numbers may be too low. */
  readonly isComplete: boolean;
}

/** An event of a batch: where it goes, what it is called and what it holds. */
export type BatchEvent<Channels extends ChannelMap> = {
  [Name in ChannelNameOf<Channels>]: {
    [Event in EventNameOf<Channels, Name>]: EventOptions & {
      readonly channel: Name;
      readonly event: Event;
      readonly data: PublishablePayloadOf<Channels, Name, Event>;
    };
  }[EventNameOf<Channels, Name>];
}[ChannelNameOf<Channels>];

/** An event, not yet checked. */
export interface UncheckedEvent extends EventOptions {
  readonly channel: string | readonly string[];
  readonly event: string;
  readonly data: unknown;
}

/** An event as the publish API takes it. */
interface WireEvent {
  readonly channel?: string;
  readonly channels?: readonly string[];
  readonly event: string;
  readonly payload: unknown;
  readonly id?: string;
  readonly exclude?: string;
  readonly receipts?: { readonly timeoutMs: number };
}

/** How much longer than the receipts themselves a call that waits for them may take. */
const RECEIPTS_MARGIN_MS = 10_000;
const MAX_RECEIPTS_MS = 30_000;
const MAX_ID_BYTES = 128;

/**
 * Publishes events. Each gets an id, so that a call can be repeated until it is known to be accepted, and is delivered
 * once.
 */
export class Publishing {
  readonly #api: NativeApi;
  readonly #check: PayloadCheck;

  constructor(api: NativeApi, check: PayloadCheck) {
    this.#api = api;
    this.#check = check;
  }

  async trigger(event: UncheckedEvent, options: TriggerOptions): Promise<TriggerResult> {
    const { receipts } = options;
    const wire = await this.#wireOf({ ...event, ...options });
    if (receipts !== undefined) checkReceipts(receipts.timeoutMs, wire);
    const timeoutMs =
      options.timeoutMs ?? (receipts === undefined ? undefined : receipts.timeoutMs + RECEIPTS_MARGIN_MS);
    const body = receipts === undefined ? wire : { ...wire, receipts: { timeoutMs: receipts.timeoutMs } };
    const answersAfterMs = receipts?.timeoutMs;
    return resultOf(await this.#publish("/publish", body, [wire], { ...options, timeoutMs, answersAfterMs }));
  }

  async triggerBatch(events: readonly UncheckedEvent[], options: CallOptions): Promise<readonly TriggerResult[]> {
    if (!Array.isArray(events)) invalid("triggerBatch takes a list of events: [{ channel, event, data }]");
    if (events.length === 0) return [];
    const wires: WireEvent[] = [];
    for (const [index, event] of events.entries()) {
      try {
        wires.push(await this.#wireOf(event));
      } catch (error) {
        if (!(error instanceof CarillonError)) throw error;
        throw new CarillonError(error.code, `events[${index}]: ${error.message}`, { cause: error.cause });
      }
    }
    return (await this.#publish("/publish/batch", { events: wires }, wires, options)).list("results", resultOf);
  }

  async #publish(
    path: string,
    body: object,
    events: readonly WireEvent[],
    { answersAfterMs, ...options }: CallOptions & Pick<NativeCall, "answersAfterMs">,
  ): Promise<Answer> {
    const isRepeatable = events.every(({ id }) => id !== undefined);
    try {
      return await this.#api.call({ method: "POST", path, body, isRepeatable, answersAfterMs, options });
    } catch (error) {
      if (!(error instanceof CarillonError)) throw error;
      throw error.withIds(events.flatMap(({ id }) => (id === undefined ? [] : [id])));
    }
  }

  async #wireOf({ channel, event, data, ...options }: UncheckedEvent): Promise<WireEvent> {
    const channels = typeof channel === "string" ? [channel] : channel;
    if (!Array.isArray(channels) || channels.length === 0) invalid("name a channel, or a list of at least one");
    for (const each of channels) checkPublishable(each);
    checkEvent(event);
    checkJson(data);
    await this.#check.check(channels, event, data);
    const id = idOf(options);
    const exclude = excludeOf(options);
    return {
      ...(typeof channel === "string" ? { channel } : { channels }),
      event,
      // A member that is undefined would be left out, which looks like one that was forgotten.
      payload: data === undefined ? null : data,
      ...(id === undefined ? {} : { id }),
      ...(exclude === undefined ? {} : { exclude }),
    };
  }
}

function idOf({ id, idempotent = true }: EventOptions): string | undefined {
  if (id === undefined) return idempotent ? crypto.randomUUID() : undefined;
  if (!idempotent) invalid('"id" makes an event idempotent: leave out "idempotent: false"');
  if (typeof id === "string" && id !== "" && new TextEncoder().encode(id).length <= MAX_ID_BYTES) return id;
  return invalid(`"id" must be a string of 1 to ${MAX_ID_BYTES} bytes`);
}

function excludeOf({ exclude, socketId }: EventOptions): string | undefined {
  if (exclude !== undefined && socketId !== undefined)
    invalid('"exclude" and "socketId" are the same: give one of them');
  const id = exclude ?? socketId ?? undefined;
  if (id === undefined || isSenderId(id)) return id;
  return checkConnectionId(exclude === undefined ? "socketId" : "exclude", id);
}

function checkReceipts(timeoutMs: number, { channels = [] }: WireEvent): void {
  if (channels.length > 1) invalid('"receipts" goes with one channel only');
  if (Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= MAX_RECEIPTS_MS) return;
  invalid(`"receipts.timeoutMs" must be a whole number from 1 to ${MAX_RECEIPTS_MS}`);
}

function resultOf(answer: Answer): TriggerResult {
  return {
    id: answer.text("id"),
    timeMs: answer.number("time"),
    channels: answer.texts("channels"),
    duplicates: answer.texts("duplicates"),
    positions: answer.textMap("positions"),
    receipts: answer.has("receipts") ? receiptsOf(answer.object("receipts")) : null,
  };
}

function receiptsOf(receipts: Answer): Receipts {
  return {
    expected: receipts.number("expected"),
    received: receipts.number("received"),
    isComplete: receipts.boolean("complete"),
  };
}
