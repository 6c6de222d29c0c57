import { isChannelName } from "@carillon/protocol";
import type { AppSettings, WebhookEndpoint } from "../ports/apps.ts";
import type { WebhookEventName } from "./webhook-event.ts";

const NOBODY: readonly WebhookEndpoint[] = [];

/** The endpoints of an app that want to be told of such an event on such a channel. Costs one comparison where there are none. */
export function endpointsFor(
  { webhooks }: AppSettings,
  name: WebhookEventName,
  channel: string,
): readonly WebhookEndpoint[] {
  if (webhooks.length === 0) return NOBODY;
  return webhooks.filter((endpoint) => wants(endpoint, name, channel));
}

/** True when any endpoint of an app wants one of such events on such a channel. */
export function isWanted({ webhooks }: AppSettings, names: readonly WebhookEventName[], channel: string): boolean {
  if (webhooks.length === 0) return false;
  // A user's own channel, and what gateways have among themselves, is nobody's business.
  return isChannelName(channel) && webhooks.some((endpoint) => names.some((name) => wants(endpoint, name, channel)));
}

function wants({ events, channelPrefix }: WebhookEndpoint, name: WebhookEventName, channel: string): boolean {
  return channel.startsWith(channelPrefix) && (events.includes("*") || events.includes(name));
}
