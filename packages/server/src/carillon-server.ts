import type {
  AnyChannels,
  ChannelMap,
  ChannelNameOf,
  ChannelSchemas,
  EventNameOf,
  PublishablePayloadOf,
  PublishedBy,
} from "@carillon/protocol";
import { Blocks } from "./blocks.ts";
import { type Member, signChannel, signUser, type UserAuth, type UserData } from "./channel-token.ts";
import { ChannelQueries } from "./channels.ts";
import { type ConnectionTokenOptions, mintConnectionToken } from "./connection-token.ts";
import { Connections } from "./connections.ts";
import { type CallOptions, HttpTransport } from "./http-transport.ts";
import { NativeApi } from "./native-api.ts";
import { type CarillonServerOptions, checkOptions, type Settings } from "./options.ts";
import { PayloadCheck } from "./payload-check.ts";
import {
  type BatchEvent,
  Publishing,
  type TriggerOptions,
  type TriggerResult,
  type UncheckedEvent,
} from "./publishing.ts";
import { PusherApi } from "./pusher/pusher-api.ts";
import { Webhooks } from "./webhooks.ts";

class Server<Channels extends ChannelMap> {
  /** Which channels have subscribers, who is on them, what is kept of them. */
  readonly channels: ChannelQueries<Channels>;
  /** How many there are, whose they are, and how to end them. */
  readonly connections: Connections;
  /** Keeps users and tokens out. */
  readonly blocks: Blocks;
  /** Checks what Carillon tells the application. */
  readonly webhooks: Webhooks;
  /** What the npm package `pusher` does. */
  readonly pusher: PusherApi;
  readonly #settings: Settings;
  readonly #publishing: Publishing;

  constructor(options: CarillonServerOptions) {
    const settings = checkOptions(options);
    const transport = new HttpTransport(settings);
    const api = new NativeApi(settings, transport);
    this.#settings = settings;
    this.#publishing = new Publishing(api, new PayloadCheck(options.schemas));
    this.channels = new ChannelQueries(api);
    this.connections = new Connections(api);
    this.blocks = new Blocks(api);
    this.webhooks = new Webhooks(settings);
    this.pusher = new PusherApi(settings, transport);
  }

  /**
   * Publishes an event on a channel, or on up to 100. Resolves when the bus has it: all who are subscribed get it, and
   * on channels with a history it is kept. Rejects with a CarillonError. Where that may help, the call is repeated before,
   * up to `maxRetries` times while its time is not up, and the event still delivered once, by an id that every event gets.
   *
   * @example
   * await carillon.trigger(`private-user-${userId}`, "order.created", { id: order.id });
   */
  trigger<const Name extends ChannelNameOf<Channels>, const Event extends EventNameOf<Channels, Name>>(
    channel: Name | readonly Name[],
    event: Event,
    data: PublishablePayloadOf<Channels, Name, Event>,
    options: TriggerOptions = {},
  ): Promise<TriggerResult> {
    return this.#publishing.trigger({ channel, event, data }, options);
  }

  /** Publishes several events in one call, in order. All are checked before any is published. */
  triggerBatch(events: readonly BatchEvent<Channels>[], options: CallOptions = {}): Promise<readonly TriggerResult[]> {
    return this.#publishing.triggerBatch(events as readonly UncheckedEvent[], options);
  }

  /**
   * The token that lets the connection `socketId` onto a `private-` or `presence-` channel: what an auth endpoint
   * answers as `token`, once it has made sure that the user may. On presence channels `member` says who it is. Throws a
   * CarillonError for what the gateway would refuse.
   *
   * @example
   * return Response.json({ token: carillon.authenticateChannel(socketId, channel) });
   */
  authenticateChannel(socketId: string, channel: string, member?: Member): string {
    return signChannel(this.#settings, { socketId, channel, member });
  }

  /**
   * What a user endpoint of Pusher's clients answers, once it has made sure who this is. Native clients sign in by
   * {@link createToken}.
   */
  authenticateUser(socketId: string, user: UserData): UserAuth {
    return signUser(this.#settings, socketId, user);
  }

  /**
   * A connection token (JWT): whose connection it is, and what may be done on which channels. Throws a CarillonError
   * for what the gateway would refuse.
   *
   * @example
   * const token = carillon.createToken({ userId: "42", capabilities: { "private-user-42": ["subscribe"] }, expiresInSeconds: 300 });
   */
  createToken(options: ConnectionTokenOptions): string {
    return mintConnectionToken(this.#settings, options);
  }
}

/** The server side of an app. See {@link CarillonServerConstructor}. */
export type CarillonServer<Channels extends ChannelMap = AnyChannels> = Server<Channels>;

/**
 * Makes a CarillonServer. It holds no connection and no timer: make one for each process, or for each request, as the
 * platform likes it. Throws a TypeError that says what is wrong with the options.
 *
 * With a type (`new CarillonServer<Channels>(…)`) or `schemas` names, events and payloads are checked by the compiler; with
 * schemas payloads are also checked before they are sent.
 *
 * @example
 * const carillon = new CarillonServer({ appId: "1001", key: "app-key", secret: process.env.CARILLON_SECRET ?? "", host: "http://127.0.0.1:8080" });
 */
export interface CarillonServerConstructor {
  new <Schemas extends ChannelSchemas>(
    options: CarillonServerOptions & { readonly schemas: Schemas },
  ): CarillonServer<PublishedBy<Schemas>>;
  new <Channels extends ChannelMap = AnyChannels>(options: CarillonServerOptions): CarillonServer<Channels>;
  readonly prototype: CarillonServer;
}

export const CarillonServer: CarillonServerConstructor = Server;
