import { CarillonError } from "../carillon-error.ts";
import type { Settings } from "../options.ts";
import { headerOf, isSignedByOne, type WebhookEvent, type WebhookHeaders } from "../webhooks.ts";

/** A request as Pusher's SDKs take it. */
export interface PusherWebhookRequest {
  readonly headers: WebhookHeaders;
  /** The body as it came. */
  readonly rawBody: string;
}

/** A key and a secret that may have signed. */
export interface PusherToken {
  readonly key: string;
  readonly secret: string;
}

/** What a webhook says. */
export interface PusherWebhookData {
  readonly time_ms: number;
  readonly events: readonly WebhookEvent[];
}

/** A webhook, in the form of Pusher's SDK for Node. It checks no age: `webhooks.verify` of CarillonServer does. */
export class PusherWebhook {
  readonly #token: PusherToken;
  readonly #request: PusherWebhookRequest;
  readonly #data: PusherWebhookData | undefined;

  constructor({ key, secret }: Settings, request: PusherWebhookRequest) {
    this.#token = { key, secret };
    this.#request = request;
    this.#data = this.isContentTypeValid() ? parse(request.rawBody) : undefined;
  }

  /** True when the app's secret, or one of those given besides, has signed it. */
  isValid(extraTokens: PusherToken | readonly PusherToken[] = []): boolean {
    if (!this.isBodyValid()) return false;
    const { headers, rawBody } = this.#request;
    const key = headerOf(headers, "x-pusher-key");
    const tokens = [this.#token, ...(Array.isArray(extraTokens) ? extraTokens : [extraTokens as PusherToken])];
    const secrets = tokens.filter((token) => token.key === key).map(({ secret }) => secret);
    return isSignedByOne(secrets, rawBody, headerOf(headers, "x-pusher-signature") ?? "");
  }

  isContentTypeValid(): boolean {
    return headerOf(this.#request.headers, "content-type") === "application/json";
  }

  isBodyValid(): boolean {
    return this.#data !== undefined;
  }

  /** Throws when {@link isBodyValid} is false. */
  getData(): PusherWebhookData {
    if (this.#data === undefined) throw new CarillonError("invalid_webhook", "the body of the webhook is not JSON");
    return this.#data;
  }

  getEvents(): readonly WebhookEvent[] {
    return this.getData().events;
  }

  getTime(): Date {
    return new Date(this.getData().time_ms);
  }
}

function parse(body: string): PusherWebhookData | undefined {
  try {
    return JSON.parse(body) as PusherWebhookData;
  } catch {
    // `isBodyValid` tells.
    return undefined;
  }
}
