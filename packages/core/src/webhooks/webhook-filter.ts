import { isChannelName } from "@carillon/protocol";
import type { AppSettings, WebhookEndpoint } from "../ports/apps.ts";
import type { WebhookEventName } from "./webhook-event.ts";

const NOBODY: readonly WebhookEndpoint[] = [];

type Settings = Pick<AppSettings, "webhooks" | "subscriptionCount">;

/** The endpoints of an app that want to be told of such an event on such a channel. Costs one comparison where there are none. */
export function endpointsFor(settings: Settings, name: WebhookEventName, channel: string): readonly WebhookEndpoint[] {
  const { webhooks } = settings;
  if (webhooks.length === 0) return NOBODY;
  return webhooks.filter((endpoint) => wants(settings, endpoint, name, channel));
}

/** True when any endpoint of an app wants one of such events on such a channel. */
export function isWanted(settings: Settings, names: readonly WebhookEventName[], channel: string): boolean {
  const { webhooks } = settings;
  if (webhooks.length === 0) return false;
  // A user's own channel, and what gateways have among themselves, is nobody's business.
  if (!isChannelName(channel)) return false;
  return webhooks.some((endpoint) => names.some((name) => wants(settings, endpoint, name, channel)));
}

function wants(
  { subscriptionCount }: Settings,
  { events, channelPrefix }: WebhookEndpoint,
  name: WebhookEventName,
  channel: string,
): boolean {
  if (!channel.startsWith(channelPrefix)) return false;
  // As with Pusher, nobody gets numbers, of which there are many, who has not asked for them.
  const isUsual = name !== "subscription_count" || subscriptionCount;
  return events.includes(name) || (isUsual && events.includes("*"));
}
