/** What applications can be told of, by the names that Pusher's SDKs know. */
export const WEBHOOK_EVENT_NAMES = [
  "channel_occupied",
  "channel_vacated",
  "member_added",
  "member_removed",
  "client_event",
  "cache_miss",
  "subscription_count",
] as const;

/** One of {@link WEBHOOK_EVENT_NAMES}. */
export type WebhookEventName = (typeof WEBHOOK_EVENT_NAMES)[number];

/** Something that happened, as it stands in the body of a webhook: the names of the fields are Pusher's. */
export type WebhookEvent =
  | { readonly name: "channel_occupied" | "channel_vacated" | "cache_miss"; readonly channel: string }
  | { readonly name: "member_added" | "member_removed"; readonly channel: string; readonly user_id: string }
  | {
      readonly name: "client_event";
      readonly channel: string;
      readonly event: string;
      /** A payload that is a JSON string is that string; any other one is its JSON text. SDKs decode it as a string always. */
      readonly data: string;
      readonly socket_id: string;
      /** On presence channels: whose connection it is. */
      readonly user_id?: string;
    }
  | { readonly name: "subscription_count"; readonly channel: string; readonly subscription_count: number };
