import {
  type AnyChannels,
  CHANNEL_NAME_RULE,
  type ChannelMap,
  type ChannelNameOf,
  type EventsOf,
  isChannelName,
  type MembersFrame,
  type WelcomeFrame,
} from "@carillon/protocol";
import { Channel, type Published, type PublishOptions } from "./channel.ts";
import { Connection } from "./connection.ts";
import { Emitter } from "./emitter.ts";
import { CarillonError, warn } from "./errors.ts";
import { type HistoryOptions, type HistoryPage, toHistoryPage } from "./history.ts";
import { type PayloadCheck, type RealtimeClientOptions, settingsOf } from "./options.ts";
import { Requests } from "./requests.ts";
import type { ConnectionState } from "./state.ts";
import { statesOf } from "./states.ts";
import { Subscriptions } from "./subscriptions.ts";
import { TokenKeeper } from "./token-keeper.ts";
import type { SubscribeOptions } from "./wanted.ts";
import type { WireDelivery, WireFrame, WireHistory } from "./wire.ts";

/** What a client tells about itself. */
export interface ClientEvents {
  state: ConnectionState;
  /** Something is wrong that no call is told of: the server refuses a connection token, or will not have the connection at all. */
  error: CarillonError;
}

/** A channel that is held. */
export interface Hold<Events> {
  readonly channel: Channel<Events>;
  /** Lets go. Counts once. */
  readonly release: () => void;
}

/**
 * A connection to Carillon, and the channels that the application listens to over it. One is enough for a page. It connects by
 * itself, comes back by itself, and picks up every channel where it was.
 *
 * @example
 * const client = new RealtimeClient("app-key", { host: "wss://realtime.example.com", authEndpoint: "/api/realtime/auth" });
 * const channel = client.subscribe("private-user-1");
 * channel.bind("order.created", (order) => console.log(order));
 */
export class RealtimeClient<Channels extends ChannelMap = AnyChannels> implements AsyncDisposable {
  readonly #isAutomatic: boolean;
  readonly #check: PayloadCheck | null;
  readonly #events = new Emitter<ClientEvents>();
  /** Weak: a channel that nobody wants or knows any more is gone; who still knows one has the same again. */
  readonly #channels = new Map<string, WeakRef<Channel>>();
  readonly #forgotten = new FinalizationRegistry<string>((name) => {
    if (this.#known(name) === undefined) this.#channels.delete(name);
  });
  /** How often each channel is held, besides by {@link subscribe}. */
  readonly #holds = new Map<string, number>();
  readonly #subscribed = new Set<string>();
  readonly #connection: Connection;
  readonly #requests: Requests;
  readonly #subscriptions: Subscriptions;
  readonly #tokens: TokenKeeper;

  /** Throws a TypeError for options that can't work. */
  constructor(key: string, options: RealtimeClientOptions) {
    const settings = settingsOf(key, options);
    this.#isAutomatic = options.autoConnect ?? true;
    this.#check = options.check ?? null;
    this.#connection = new Connection(settings, {
      onState: (state) => this.#onState(state),
      onOpen: (welcome, token) => this.#onOpen(welcome, token),
      onFrame: (frame) => this.#onFrame(frame),
      onLost: () => this.#onLost(),
    });
    const send = this.#connection.send.bind(this.#connection);
    this.#requests = new Requests({ send, timeoutMs: settings.commandTimeoutMs, maxQueued: settings.maxQueued });
    this.#subscriptions = new Subscriptions({
      requests: this.#requests,
      authorize: settings.authorize,
      backoff: settings.backoff,
      isTokenPending: () => this.#tokens.isPending,
    });
    this.#tokens = new TokenKeeper({
      requests: this.#requests,
      getToken: settings.getToken,
      onRefused: (error) => this.#tell(error),
    });
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** Listens to what happens to the client. Answers the act that ends it. */
  on<Name extends keyof ClientEvents>(name: Name, listener: (value: ClientEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /** The state now and each one after it, until the client is closed. Who is slow gets the newest, not each. */
  states(): AsyncIterableIterator<ConnectionState> {
    return statesOf(this);
  }

  /** Connects, or does so again after `closed`. Needed only with `autoConnect: false`. */
  connect(): void {
    this.#connection.connect();
  }

  /**
   * Listens to a channel from now on. Called again it answers the same channel; {@link unsubscribe} ends it, however often it was
   * called. What comes of it is told by the channel (`state`, `error`).
   */
  subscribe<Name extends ChannelNameOf<Channels>>(
    name: Name,
    options?: SubscribeOptions,
  ): Channel<EventsOf<Channels, Name>> {
    const channel = this.channel(name);
    this.#subscribed.add(name);
    this.#want(name, options);
    return channel;
  }

  /**
   * Ends what {@link subscribe} began, and forgets all listeners of the channel, those of `on` and of `presence` included, unless somebody
   * holds it: theirs are among them. The last that they hear is the state `detached`. No effect on a channel that isn't subscribed.
   */
  unsubscribe(name: ChannelNameOf<Channels>): void {
    if (!this.#subscribed.delete(name)) return;
    this.#release(name);
    const channel = this.#known(name);
    if (channel?.state.status === "detached") channel.forget();
  }

  /**
   * Listens to a channel for as long as it is held: for parts of an application that don't know of each other. The channel is
   * given up when nobody holds it any more. Answers the act that lets go, which counts once.
   */
  hold<Name extends ChannelNameOf<Channels>>(name: Name, options?: SubscribeOptions): Hold<EventsOf<Channels, Name>> {
    const channel = this.channel(name);
    this.#holds.set(name, (this.#holds.get(name) ?? 0) + 1);
    this.#want(name, options);
    let isHeld = true;
    const release = () => {
      if (!isHeld) return;
      isHeld = false;
      const left = (this.#holds.get(name) ?? 1) - 1;
      if (left > 0) this.#holds.set(name, left);
      else this.#holds.delete(name);
      this.#release(name);
    };
    return { channel, release };
  }

  /**
   * The channel of a name, subscribed or not: to publish on it, or to read its history. Throws a TypeError for what is no name
   * of a channel.
   */
  channel<Name extends ChannelNameOf<Channels>>(name: Name): Channel<EventsOf<Channels, Name>> {
    const known = this.#known(name);
    if (known !== undefined) return known as Channel<EventsOf<Channels, Name>>;
    if (!isChannelName(name)) throw new TypeError(`${JSON.stringify(name)} is no channel: ${CHANNEL_NAME_RULE}`);
    const channel: Channel = new Channel(name, {
      publish: (...publication) => this.#publish(...publication),
      history: (of, options) => this.#history(of, options),
      members: async (of, after) =>
        (await this.#ask({ type: "presence", channel: of, after, limit: MEMBERS_PER_PAGE })) as MembersFrame,
    });
    this.#channels.set(name, new WeakRef(channel));
    this.#forgotten.register(channel, name);
    return channel as Channel<EventsOf<Channels, Name>>;
  }

  /** Ends the connection; what still waits is rejected as `closed`. Channels stay as they are wanted, for a later `connect()`. */
  close(): void {
    this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #want(name: string, options: SubscribeOptions | undefined): void {
    const channel = this.#known(name);
    if (channel !== undefined) this.#subscriptions.want(channel, options);
    this.#connectIfAutomatic();
  }

  #known(name: string): Channel | undefined {
    return this.#channels.get(name)?.deref();
  }

  #release(name: string): void {
    const channel = this.#known(name);
    if (channel === undefined || this.#subscribed.has(name) || this.#holds.has(name)) return;
    this.#subscriptions.drop(channel);
  }

  #connectIfAutomatic(): void {
    if (this.#isAutomatic && this.state.status === "idle") this.connect();
  }

  async #publish(channel: string, event: string, payload: unknown, options: PublishOptions = {}): Promise<Published> {
    const answer = await this.#ask({ type: "publish", channel, event, payload, ...options });
    const { messageId, position } = answer as Published;
    return { messageId, ...(position === undefined ? {} : { position }) };
  }

  async #history(channel: string, options: HistoryOptions = {}): Promise<HistoryPage> {
    return toHistoryPage((await this.#ask({ type: "history", channel, ...options })) as WireHistory);
  }

  #ask(command: Parameters<Requests["ask"]>[0]): Promise<WireFrame> {
    if (this.state.status === "closed") return Promise.reject(new CarillonError("closed", this.state.reason.message));
    this.#connectIfAutomatic();
    return this.#requests.ask(command);
  }

  #onState(state: ConnectionState): void {
    let end: CarillonError | null = null;
    if (state.status === "closed") {
      this.#requests.close();
      this.#tokens.stop();
      const { code, message } = state.reason;
      if (code !== "closed") end = new CarillonError(code, message);
    }
    this.#subscriptions.expect(end);
    this.#events.emit("state", state);
    if (end !== null) this.#tell(end);
  }

  #tell(error: CarillonError): void {
    if (!this.#events.emit("error", error) && !error.isRetryable) warn(error);
  }

  #onOpen({ connectionId }: WelcomeFrame, token: string | null): void {
    // First, since commands behind it are judged by it.
    if (token !== null) this.#tokens.show(token);
    this.#subscriptions.connected(connectionId);
    this.#requests.flush();
  }

  #onFrame(frame: WireFrame): void {
    if (this.#requests.settle(frame)) return;
    if (frame.type === undefined) this.#onDelivery(frame);
    else if (frame.type === "presence") this.#subscriptions.arrived(frame)?.presence.take(frame);
    else if (frame.type === "gap") this.#subscriptions.gap(frame.channel, frame.position);
    else if (frame.type === "unsubscribed") this.#subscriptions.ended(frame);
  }

  #onDelivery(frame: WireDelivery): void {
    const { channel, event, receipt } = frame;
    const wanted = this.#subscriptions.arrived(frame);
    try {
      const payload = this.#check === null ? frame.payload : this.#check(channel, event, frame.payload);
      wanted?.deliver({ ...frame, payload });
    } catch (error) {
      this.#tell(error as CarillonError);
    }
    if (receipt !== undefined) this.#connection.send({ type: "received", channel, receipt });
  }

  #onLost(): void {
    this.#tokens.stop();
    this.#requests.lose();
    this.#subscriptions.lost();
  }
}

/** What a page may have at most. */
const MEMBERS_PER_PAGE = 1000;
