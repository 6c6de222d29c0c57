import { createHmac } from "node:crypto";
import type { AppSettings, WebhookEndpoint, WebhookEntry } from "@carillon/core";

/** One POST to an endpoint, ready to be sent. */
export interface WebhookRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a request is made of. */
export interface WebhookRequestOptions {
  readonly app: AppSettings;
  readonly endpoint: WebhookEndpoint;
  readonly entries: readonly WebhookEntry[];
  /** When it is sent, in milliseconds since 1970: SDKs refuse a body that is minutes old, so each attempt is a new one. */
  readonly nowMs: number;
}

/**
 * Makes a request as Pusher's SDKs check it: `X-Pusher-Key` names the app, `X-Pusher-Signature` is the HMAC-SHA256 of the body
 * by the first of its secrets. Each event has its `id` as a further field.
 */
export function webhookRequestOf({ app, endpoint, entries, nowMs }: WebhookRequestOptions): WebhookRequest {
  const events = entries.map(({ id, event }) => ({ ...event, id }));
  const body = JSON.stringify({ time_ms: nowMs, events });
  return {
    body,
    headers: {
      "user-agent": "carillon-webhooks",
      ...endpoint.headers,
      // Exactly so: SDKs compare it.
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(body)),
      "x-pusher-key": app.key,
      "x-pusher-signature": signatureOf(app, body),
    },
  };
}

function signatureOf({ secrets }: AppSettings, body: string): string {
  const [secret] = secrets;
  if (secret === undefined) throw new RangeError("an app has at least one secret");
  return createHmac("sha256", secret).update(body).digest("hex");
}
