import { isClientEventName, type Result, refuse } from "@carillon/protocol";
import type { NewEvent, PublishedEvent } from "./event-publisher.ts";
import type { NodeServices } from "./node-services.ts";
import { mayPublish } from "./permissions.ts";
import type { RateLimit } from "./rate-limit.ts";
import type { Session } from "./session.ts";
import type { SubscriptionSet } from "./subscription-set.ts";

/** An event as a client asks to publish it, checked in form. */
export interface ClientEvent {
  readonly channel: string;
  readonly event: string;
  readonly payload: Uint8Array;
  /** True: the sender gets it too, if subscribed. */
  readonly isEchoed: boolean;
  /** Present: the payload is the text of a string that was sent; see the envelope. */
  readonly isDataText?: true | undefined;
}

/** A session, and what decides on what it may publish. */
export interface Sender {
  readonly session: Session;
  readonly subscriptions: SubscriptionSet;
  readonly rate: RateLimit;
}

/** How events of clients go out; one for all sessions of a node, so that a session carries none of it. */
export class Publishing {
  readonly #services: () => NodeServices;

  /** `services`: of the node that this is a part of, asked when it is used. */
  constructor(services: () => NodeServices) {
    this.#services = services;
  }

  /** See {@link Session.publish}. The session must be open. */
  async publish(sender: Sender, event: ClientEvent): Promise<Result<PublishedEvent>> {
    const { app } = sender.session;
    const { clock, events, webhooks } = this.#services();
    const stands = sender.subscriptions.get(event.channel)?.pending === null;
    const allowed = mayPublish(sender.session, event, stands);
    if (!allowed.ok) return allowed;
    const { perSecond } = app.settings.clientEvents;
    if (!sender.rate.take(perSecond, clock.monotonic())) {
      return refuse("rate_limited", `a connection may publish ${perSecond} events a second: slow down`);
    }
    const { messageBytes } = app.settings.limits;
    if (messageBytes !== 0 && event.payload.length > messageBytes) {
      return refuse(
        "message_too_large",
        `the payload has ${event.payload.length} bytes, the limit is ${messageBytes} bytes`,
      );
    }
    const member = sender.subscriptions.get(event.channel)?.member ?? null;
    const tell = webhooks?.clientEvent(sender.session, { ...event, member }) ?? null;
    const published = await events.publish({ appId: app.id, channel: event.channel }, stamped(sender, event));
    if (tell !== null && published.ok) tell(published.value.messageId);
    return published;
  }
}

function stamped({ session, subscriptions }: Sender, asked: ClientEvent): NewEvent {
  const { channel: name, event, payload, isEchoed, isDataText } = asked;
  const subscription = subscriptions.get(name);
  const userId = subscription?.member?.id;
  return {
    event,
    payload,
    exclude: isEchoed ? "" : (session.senderId ?? session.connectionId),
    // A cache channel's newest event is the application's: what clients tell each other passes it by.
    isTransient: isClientEventName(event),
    ...(isDataText === undefined ? {} : { isDataText }),
    ...(userId === undefined ? {} : { userId }),
  };
}
