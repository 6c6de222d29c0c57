import type { MembersFrame } from "@carillon/protocol";
import type { ChannelLifecycle, ChannelState, EventMeta } from "./channel-state.ts";
import { Emitter } from "./emitter.ts";
import type { HistoryOptions, HistoryPage, PastEvent } from "./history.ts";
import { Presence } from "./presence.ts";
import type { WireDelivery } from "./wire.ts";

/** Takes an event. */
export type EventListener<Payload> = (payload: Payload, meta: EventMeta) => void;

/** Events by name with their payloads, where nothing was declared. */
// biome-ignore lint/suspicious/noExplicitAny: a listener says what it expects, and nothing was declared that could be wrong.
export type AnyEvents = Record<string, any>;

/** Takes any event of a channel. */
export type AnyEventListener = (event: string, payload: unknown, meta: EventMeta) => void;

/** What was published, as the server says. */
export interface Published {
  /** Id of the publication. */
  readonly messageId: string;
  /** Its place in the channel's history; absent on channels without one. */
  readonly position?: string;
}

/** How to publish. */
export interface PublishOptions {
  /** True: this client gets it too, if subscribed. Default false. */
  readonly echo?: boolean;
}

/** Stands for every event, and is the name of none. */
const ANY = "";

/** What a channel does through its client. */
export interface ChannelClient {
  publish(channel: string, event: string, payload: unknown, options?: PublishOptions): Promise<Published>;
  history(channel: string, options?: HistoryOptions): Promise<HistoryPage>;
  members(channel: string, after: string): Promise<MembersFrame>;
}

/**
 * A channel that the application listens to. It outlives connections: after a break it is subscribed to again, and on channels
 * with a history what was missed is delivered before anything later.
 */
export class Channel<Events = AnyEvents> {
  readonly name: string;
  /** Who is here; empty on channels that are no presence channels. */
  readonly presence: Presence;
  readonly #client: ChannelClient;
  /** Listeners take what they were bound with: {@link deliver} gives it to them. */
  readonly #events = new Emitter<AnyEvents, never[]>();
  readonly #lifecycle = new Emitter<ChannelLifecycle>();
  #state: ChannelState = { status: "detached" };

  /** @internal Made by `client.subscribe` and `client.channel`. */
  constructor(name: string, client: ChannelClient) {
    this.name = name;
    this.#client = client;
    this.presence = new Presence((after) => client.members(name, after));
  }

  get state(): ChannelState {
    return this.#state;
  }

  /** Calls `listener` with the payload of each event of this name. The same pair counts once. Answers the channel. */
  bind<Name extends keyof Events & string>(event: Name, listener: EventListener<Events[Name]>): this {
    this.#events.on(event, listener);
    return this;
  }

  /** Ends what {@link bind} began; without a listener all of the event, without an event all of the channel, those of {@link bindAll} included. Answers the channel. */
  unbind<Name extends keyof Events & string>(event?: Name, listener?: EventListener<Events[Name]>): this {
    this.#events.off(event, listener);
    return this;
  }

  /** Calls `listener` with every event, whatever its name. Answers the act that ends it. */
  bindAll(listener: AnyEventListener): () => void {
    return this.#events.on(ANY, listener);
  }

  /** Listens to what happens to the channel itself. Answers the act that ends it. */
  on<Name extends keyof ChannelLifecycle>(name: Name, listener: (value: ChannelLifecycle[Name]) => void): () => void {
    return this.#lifecycle.on(name, listener);
  }

  /**
   * Publishes on the channel; resolves when the server has taken the event over. Rejects with a CarillonError. Needs the right to:
   * `publish` in the connection token, or client events.
   */
  publish<Name extends keyof Events & string>(
    event: Name,
    payload: Events[Name],
    options?: PublishOptions,
  ): Promise<Published> {
    return this.#client.publish(this.name, event, payload, options);
  }

  /**
   * Reads the channel's history. Rejects with a CarillonError. Payloads have the types that are declared now, and come as they were
   * published: maybe by a version with other types, and the client's `check` isn't asked.
   */
  history<Name extends keyof Events & string = keyof Events & string>(
    options?: HistoryOptions,
  ): Promise<HistoryPage<PastEvent<Events, Name>>> {
    // Generic, as `bind` is: else no declared channel could be handed to a function that takes any `Channel`.
    return this.#client.history(this.name, options) as Promise<HistoryPage<PastEvent<Events, Name>>>;
  }

  /** @internal */
  become(state: ChannelState): void {
    if (state.status === this.#state.status && state.status !== "failed") return;
    this.#state = state;
    this.#lifecycle.emit("state", state);
  }

  /** @internal */
  tell<Name extends keyof ChannelLifecycle>(name: Name, value: ChannelLifecycle[Name]): boolean {
    return this.#lifecycle.emit(name, value);
  }

  /** @internal Nobody listens any more. */
  forget(): void {
    this.#events.off();
    this.#lifecycle.off();
    this.presence.off();
  }

  /** @internal */
  deliver({ event, payload, position }: WireDelivery): void {
    const meta: EventMeta = { channel: this.name, event, ...(position === undefined ? {} : { position }) };
    this.#events.emit(event, payload, meta as never);
    this.#events.emit(ANY, event, payload as never, meta as never);
  }
}
