import { createHmac } from "node:crypto";
import { NativeClient, type ToldEvent, type ToldRequest } from "@carillon/testkit";
import Pusher from "pusher";
import type { CarillonProcess } from "./carillon-process.ts";

const KEY = "app-key";
const SECRET = "app-secret";

/** A client that may go into any channel of the app in {@link webhookConfig}. */
export class WebhookGuest {
  readonly client: NativeClient;

  private constructor(client: NativeClient) {
    this.client = client;
  }

  static async open(gateway: CarillonProcess): Promise<WebhookGuest> {
    return new WebhookGuest(await NativeClient.open(gateway.webSocketUrl));
  }

  /** Subscribes; on a presence channel as a user. */
  async subscribe(channel: string, userId?: string): Promise<void> {
    const data = userId === undefined ? undefined : JSON.stringify({ user_id: userId });
    const signed = [this.client.connectionId, channel, ...(data === undefined ? [] : [data])].join(":");
    const token = `${KEY}:${createHmac("sha256", SECRET).update(signed).digest("hex")}`;
    const isPublic = !/^(?:private|presence)-/.test(channel);
    await this.client.subscribe(channel, {
      ...(isPublic ? {} : { token }),
      ...(data === undefined ? {} : { data }),
    });
  }

  /** Sends a client event and waits until it is accepted. */
  async send(channel: string, event: string, payload: unknown): Promise<void> {
    const reply = await this.client.request({ type: "publish", channel, event, payload });
    if (reply["type"] === "error") throw new Error(`publish was answered ${JSON.stringify(reply)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.terminate();
    await this.client.closed;
  }
}

/** An app with one webhook endpoint, and a worker in a hurry. */
export function webhookConfig(url: string, { events = "*", horizonSeconds = 600, waitMs = 20 } = {}): string {
  return `
apps:
  - id: "1001"
    key: ${KEY}
    secrets: [${SECRET}]
    publishSecret: guide-secret
    clientEvents: { enabled: true, perSecond: 0 }
    subscriptionCount: true
    limits: { commandsPerSecond: 0 }
    webhooks:
      - url: ${url}
        events: ["${events}"]
        allowPrivateNetwork: true
gateway: { drain: { delaySeconds: 0, spreadSeconds: 0 } }
webhooks:
  batch: { events: 20, waitMs: ${waitMs} }
  timeoutSeconds: 1
  leaseSeconds: 2
  retry: { firstMs: 20, maxSeconds: 1, horizonSeconds: ${horizonSeconds} }
`;
}

/** Whether Pusher's own SDK takes a request for one of its service. */
export function isValidForPusher({ headers, body }: ToldRequest): boolean {
  const pusher = new Pusher({ appId: "1001", key: KEY, secret: SECRET, cluster: "none" });
  return pusher.webhook({ headers: headers as Record<string, string>, rawBody: body }).isValid();
}

/** The fields of an event without its id, which is never the same. */
export function fieldsOf({ id: _, ...fields }: ToldEvent): Record<string, unknown> {
  return fields;
}
