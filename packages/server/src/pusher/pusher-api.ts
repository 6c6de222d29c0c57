import { channelStringToSign } from "@carillon/protocol";
import { CarillonError, type CarillonErrorCode } from "../carillon-error.ts";
import { sign, signUser, type UserAuth, type UserData } from "../channel-token.ts";
import { type HttpAnswer, type HttpTransport, retryAfterMsOf, unexpectedAnswer } from "../http-transport.ts";
import { checkChannel, checkConnectionId, checkEvent, checkPublishable, checkUserId, invalid } from "../ids.ts";
import type { Settings } from "../options.ts";
import { checkJson } from "../payload-check.ts";
import { type PusherParameters, type PusherRequestToSign, signedQuery } from "./pusher-signature.ts";
import { PusherWebhook, type PusherWebhookRequest } from "./pusher-webhook.ts";

/** Who a subscriber of a presence channel is, under Pusher's names. */
export interface PresenceChannelData {
  readonly user_id: string | number;
  readonly user_info?: unknown;
}

/** What a channel endpoint of Pusher's clients answers. */
export interface ChannelAuth {
  readonly auth: string;
  readonly channel_data?: string;
}

/** What may be said of a trigger. */
export interface PusherTriggerParameters {
  readonly socket_id?: string | undefined;
  readonly info?: string | undefined;
  /** Not Pusher's: a repeat with the same key is delivered once, so the call is repeated by itself when it fails. */
  readonly idempotency_key?: string | undefined;
}

/** An event of a batch. */
export interface PusherBatchEvent extends PusherTriggerParameters {
  readonly channel: string;
  readonly name: string;
  readonly data: unknown;
}

/** A call by its path below the app's. */
export interface PusherGet {
  readonly path: string;
  readonly params?: PusherParameters | undefined;
}

/** The same with a body. */
export interface PusherPost extends PusherGet {
  readonly body?: unknown;
}

const CODE_OF_STATUS: Readonly<Record<number, CarillonErrorCode>> = {
  400: "invalid_field",
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  408: "request_timeout",
  413: "message_too_large",
  429: "rate_limited",
  500: "internal_error",
  503: "bus_unavailable",
};

/**
 * What the npm package `pusher` does, by the same names, signatures and requests, wherever there is fetch: for code that
 * moves from it, and for clients that speak Pusher's protocol. Encrypted channels are left out: they would need a cipher.
 */
export class PusherApi {
  readonly #settings: Settings;
  readonly #transport: HttpTransport;

  constructor(settings: Settings, transport: HttpTransport) {
    this.#settings = settings;
    this.#transport = transport;
  }

  /** What a channel endpoint (`/pusher/auth`) answers. Throws a {@link CarillonError} for names and ids that are none. */
  authorizeChannel(socketId: string, channel: string, data?: PresenceChannelData): ChannelAuth {
    checkConnectionId("socketId", socketId);
    checkUnencrypted(checkChannel(channel));
    if (!data) return { auth: sign(this.#settings, channelStringToSign(socketId, channel)) };
    const text = JSON.stringify(data);
    return { auth: sign(this.#settings, channelStringToSign(socketId, channel, text)), channel_data: text };
  }

  /** The older name of {@link authorizeChannel}. */
  authenticate(socketId: string, channel: string, data?: PresenceChannelData): ChannelAuth {
    return this.authorizeChannel(socketId, channel, data);
  }

  /** What a user endpoint (`/pusher/user-auth`) answers. */
  authenticateUser(socketId: string, user: UserData): UserAuth {
    return signUser(this.#settings, socketId, user);
  }

  /**
   * Publishes an event on 1 to 100 channels. Data that is no text is sent as JSON. Resolves with the answer, whose body is
   * JSON.
   */
  async trigger(
    channels: string | readonly string[],
    event: string,
    data: unknown,
    params: PusherTriggerParameters = {},
  ): Promise<Response> {
    const all = typeof channels === "string" ? [channels] : channels;
    for (const channel of all) checkUnencrypted(checkPublishable(channel));
    const body = { name: checkEvent(event), data: textOf(data), channels: all, ...params };
    return this.#call("POST", { path: "/events", body }, params.idempotency_key !== undefined);
  }

  /** Publishes up to ten events, all of them or none. */
  async triggerBatch(batch: readonly PusherBatchEvent[]): Promise<Response> {
    const events = batch.map((event) => {
      checkUnencrypted(checkPublishable(event.channel));
      return { ...event, data: textOf(event.data) };
    });
    const isRepeatable = events.every(({ idempotency_key: key }) => key !== undefined);
    return this.#call("POST", { path: "/batch_events", body: { batch: events } }, isRepeatable);
  }

  /** Publishes an event to all connections on which a user has signed in. */
  sendToUser(userId: string, event: string, data: unknown): Promise<Response> {
    return this.trigger(`#server-to-user-${userId}`, event, data);
  }

  /** Ends all connections on which a user has signed in. */
  async terminateUserConnections(userId: string): Promise<Response> {
    const path = `/users/${encodeURIComponent(checkUserId("userId", userId))}/terminate_connections`;
    return this.#call("POST", { path, body: {} }, true);
  }

  /** Asks: `get({ path: "/channels", params: { filter_by_prefix: "presence-" } })`. */
  async get({ path, params }: PusherGet): Promise<Response> {
    return this.#call("GET", { path, params }, true);
  }

  /** Any other call. It is not repeated by itself. */
  async post(call: PusherPost): Promise<Response> {
    return this.#call("POST", call, false);
  }

  /** A webhook, to be checked by its `isValid()`. */
  webhook(request: PusherWebhookRequest): PusherWebhook {
    return new PusherWebhook(this.#settings, request);
  }

  /** The signed query of any request to Pusher's API. */
  createSignedQueryString(request: PusherRequestToSign): string {
    return signedQuery(this.#settings, request);
  }

  async #call(
    method: "GET" | "POST",
    { path, params, body: value }: PusherPost,
    isRepeatable: boolean,
  ): Promise<Response> {
    const { appId } = this.#settings;
    const whole = `/apps/${appId}${path}`;
    const body = value === undefined ? undefined : JSON.stringify(value);
    const { status, headers, text } = await this.#transport.send({
      method,
      target: () => `${whole}?${signedQuery(this.#settings, { method, path: whole, params, body })}`,
      headers: () => (body === undefined ? {} : { "content-type": "application/json" }),
      ...(body === undefined ? {} : { body }),
      isRepeatable,
      refusalOf: (answer) => this.#refusalOf(answer),
    });
    const type = headers.get("content-type");
    return new Response(text, { status, headers: type === null ? {} : { "content-type": type } });
  }

  #refusalOf(answer: HttpAnswer): CarillonError {
    const { status, text } = answer;
    const code = CODE_OF_STATUS[status];
    const message = errorOf(text);
    if (code === undefined || message === null) return unexpectedAnswer(answer, this.#settings.origin);
    const retryAfterMs = retryAfterMsOf(answer);
    return new CarillonError(code, message, { status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
  }
}

function textOf(data: unknown): string {
  checkJson(data);
  return typeof data === "string" ? data : (JSON.stringify(data) ?? "null");
}

function checkUnencrypted(channel: string): void {
  if (!channel.startsWith("private-encrypted-")) return;
  invalid(
    `"${channel}" is encrypted end to end, which this SDK can't do: use the npm package pusher for it, or a private- channel`,
  );
}

/** What `{"error": TEXT}` says, or a problem JSON, as of addresses that the API doesn't have; null for any other text. */
function errorOf(text: string): string | null {
  try {
    const { error, detail = error } = (JSON.parse(text) ?? {}) as {
      readonly error?: unknown;
      readonly detail?: unknown;
    };
    return typeof detail === "string" ? detail : null;
  } catch {
    // Something between here and there has answered.
    return null;
  }
}
