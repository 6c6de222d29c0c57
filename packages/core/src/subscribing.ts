import { accept, channelKind, type Result, refuse, type SubscribeTarget } from "@carillon/protocol";
import type { Channel } from "./channel.ts";
import type { Joined, Joining } from "./joining.ts";
import type { LoggedChannel } from "./logged-channel.ts";
import { membershipOf } from "./membership.ts";
import type { NodeServices } from "./node-services.ts";
import { maySubscribe } from "./permissions.ts";
import type { AppLimits } from "./ports/apps.ts";
import type { Member, Roster } from "./presence/member.ts";
import type { Presence, PresenceEntry } from "./presence/presence.ts";
import { type CatchUp, catchUpOf, type Past } from "./recovery.ts";
import type { Session } from "./session.ts";
import type { SubscribeResult, Subscription, SubscriptionSet } from "./subscription-set.ts";

const ACCEPTED: SubscribeResult = accept(undefined);
const NEWEST: CatchUp = { kind: "rewind", count: 1 };
const CANCELLED = refuse("cancelled", "the channel was unsubscribed before the subscription stood");
const BUS_AWAY = refuse("bus_unavailable", "the bus can't be reached, nothing was subscribed: try again");

// A frame may name a hundred channels, each of which costs the bus and its other nodes something as it comes and goes.
const TURNOVER = refuse(
  "rate_limited",
  "the connection changes its channels too fast: keep subscriptions that are needed again soon",
);

// Who is there may be a hundred kilobytes, and a frame may ask for that on a hundred channels.
const ASKED_TOO_OFTEN = refuse(
  "rate_limited",
  "the connection asks too often who is on its channels: the subscription stands, and tells who comes and goes by itself",
);

/** A session, and what it is subscribed to. */
export interface Subscriber {
  readonly session: Session;
  readonly subscriptions: SubscriptionSet;
}

/** How subscriptions begin and end; one for all sessions of a node, so that a session carries none of it. */
export class Subscribing {
  readonly #services: () => NodeServices;

  /** `services`: of the node that this is a part of, asked when it is used. */
  constructor(services: () => NodeServices) {
    this.#services = services;
  }

  get #node(): NodeServices {
    return this.#services();
  }

  /** See {@link Session.subscribe}. The session must be open. */
  begin(subscriber: Subscriber, target: SubscribeTarget): SubscribeResult | Promise<SubscribeResult> {
    const { session, subscriptions } = subscriber;
    const { limits } = session.app.settings;
    const existing = subscriptions.get(target.channel);
    if (existing !== undefined) return existing.pending ?? this.#standing(subscriptions, existing, limits);
    const limit = limits.channelsPerConnection;
    if (limit !== 0 && subscriptions.size >= limit) {
      return refuse(
        "channel_limit",
        `a connection may be subscribed to ${limit} channels: unsubscribe from some first`,
      );
    }
    const allowed = maySubscribe(session, this.#node.authorizer, target);
    if (!allowed.ok) return allowed;
    const membership = membershipOf(session, target);
    if (!membership.ok) return membership;
    const blocked = membership.value && this.#node.blocks?.refusalOfUser(session.app, membership.value.id);
    if (blocked != null) return blocked;
    if (subscriptions.hasTurnover && !subscriptions.takeTurn(limits, this.#node.clock)) return TURNOVER;

    const channel = this.#node.channels.acquire(session.app.id, target.channel);
    const isByCapability = target.token === undefined && channelKind(target.channel) !== "public";
    const subscription: Subscription = { channel, pending: null, isByCapability, member: membership.value };
    subscriptions.add(subscription);
    const isPresence = this.#presenceOf(subscription) !== null;
    if (channel.log === null && !isPresence) {
      if (channel.whenHeld !== null) return this.#wait(subscriber, subscription, channel.whenHeld);
      this.#join(session, subscription);
      return ACCEPTED;
    }
    return this.#prepare(subscriber, subscription, target);
  }

  /** Gives back what a subscription holds that has been taken out of its set. `isBroken`: because the connection was lost, and may be back. */
  undo(session: Session, subscription: Subscription, isBroken: boolean): void {
    if (subscription.pending === null) {
      this.#node.hub.leave(session, subscription.channel);
      this.#node.webhooks?.left(subscription);
    }
    this.#presenceOf(subscription)?.leave(entryOf(session, subscription), isBroken);
    this.#node.channels.release(subscription.channel);
  }

  /** From now on it stands. */
  #join(session: Session, subscription: Subscription): void {
    this.#node.hub.join(session, subscription.channel);
    this.#node.webhooks?.joined(session.app, subscription);
  }

  /** A subscription without history and presence: it stands as soon as the interest does. */
  #wait(subscriber: Subscriber, subscription: Subscription, held: Promise<void>): Promise<SubscribeResult> {
    const standing = held.then(
      () => {
        if (!isWanted(subscriber, subscription)) return CANCELLED;
        subscription.pending = null;
        this.#join(subscriber.session, subscription);
        return ACCEPTED;
      },
      () => this.#giveUp(subscriber, subscription, BUS_AWAY),
    );
    subscription.pending = standing;
    return standing;
  }

  #prepare(
    subscriber: Subscriber,
    subscription: Subscription,
    target: SubscribeTarget,
  ): ReturnType<Subscribing["begin"]> {
    const { catchUp, isCache } = wishOf(target, subscription.channel.log);
    const logged = loggedOf(subscription);
    const read = (wanted: CatchUp | null) =>
      logged === null ? null : (this.#node.history?.recovery.prepare(logged, wanted) ?? null);
    const reading = read(catchUp);
    // Whoever can't be caught up on a cache channel begins as a newcomer does.
    const readingNewest = isCache && catchUp !== NEWEST ? read(NEWEST) : null;
    const entering = this.#presenceOf(subscription)?.enter(entryOf(subscriber.session, subscription)) ?? null;
    const { formerId } = target;
    if (entering === null && reading === null && readingNewest === null) {
      return this.#joining(subscriber, subscription, { catchUp, isCache, formerId, past: null, newest: null });
    }
    const prepared = Promise.all([entering, reading, readingNewest]).then(
      ([entered, past, newest]) =>
        entered !== null && !entered.ok
          ? this.#giveUp(subscriber, subscription, entered)
          : this.#joining(subscriber, subscription, { catchUp, isCache, formerId, past, newest }),
      () => this.#giveUp(subscriber, subscription, BUS_AWAY),
    );
    subscription.pending = prepared;
    return prepared;
  }

  #joining(subscriber: Subscriber, subscription: Subscription, wanted: Wanted): Result<Joining> {
    const joining = accept<Joining>({
      join: () => {
        if (!isWanted(subscriber, subscription)) return CANCELLED;
        if (subscription.pending === null) return accept(this.#repeat(subscription));
        const caughtUp = this.#catchUp(subscriber.session, subscription, wanted);
        subscription.pending = null;
        this.#join(subscriber.session, subscription);
        if (caughtUp.isCached === false) {
          this.#node.webhooks?.cacheMissed(subscriber.session.app, subscription.channel.channel);
        }
        return accept<Joined>({ ...caughtUp, ...this.#rosterFor(subscription) });
      },
    });
    // Until it has joined, a repeat is answered the same.
    subscription.pending = joining;
    return joining;
  }

  #catchUp(session: Session, subscription: Subscription, { catchUp, isCache, past, ...wanted }: Wanted): Joined {
    const logged = loggedOf(subscription);
    const recovery = this.#node.history?.recovery;
    if (logged === null || recovery === undefined) return { frames: [] };
    const { channel, log } = logged;
    const { entries, ...told } = recovery.answer(logged, catchUp, past);
    const isLost = isCache && told.isRecovered === false;
    const given = isLost ? recovery.answer(logged, NEWEST, wanted.newest).entries : entries;
    const { epoch } = log;
    const frames = this.#node.hub.framesOf(session, channel, { epoch, entries: given, formerId: wanted.formerId });
    if (isLost || (isCache && catchUp === NEWEST)) return { ...told, frames, isCached: frames.length > 0 };
    return isCache ? { ...told, frames, endsWithNewest: true } : { ...told, frames };
  }

  /** What a repeat gets whose subscription stands. */
  #standing(subscriptions: SubscriptionSet, subscription: Subscription, limits: AppLimits): SubscribeResult {
    const { log } = subscription.channel;
    const isPresence = this.#presenceOf(subscription) !== null;
    if (log === null && !isPresence) return ACCEPTED;
    if (isPresence && !subscriptions.takeTurn(limits, this.#node.clock)) return ASKED_TOO_OFTEN;
    return accept({ join: () => accept(this.#repeat(subscription)) });
  }

  #repeat(subscription: Subscription): Joined {
    const { log } = subscription.channel;
    // What waits to be written is up to the position, and would come behind it.
    this.#node.hub.flush(subscription.channel);
    return { ...(log === null ? {} : { position: log.position }), frames: [], ...this.#rosterFor(subscription) };
  }

  #rosterFor(subscription: Subscription): { readonly roster?: Roster; readonly me?: Member } {
    const presence = this.#presenceOf(subscription);
    if (presence === null) return {};
    const roster = presence.rosterOf(subscription.channel);
    return subscription.member === null ? { roster } : { roster, me: subscription.member };
  }

  #giveUp(subscriber: Subscriber, subscription: Subscription, refusal: SubscribeResult): SubscribeResult {
    if (!subscriber.subscriptions.remove(subscription)) return CANCELLED;
    this.undo(subscriber.session, subscription, false);
    return refusal;
  }

  #presenceOf({ channel }: Subscription): Presence | null {
    return channelKind(channel.channel) === "presence" ? this.#node.presence : null;
  }
}

/** What a subscriber wants of the past, and what had to be read for it. */
interface Wanted {
  readonly catchUp: CatchUp | null;
  /** True: it gets the newest event where it isn't caught up, because the channel is a cache. */
  readonly isCache: boolean;
  readonly formerId: string | undefined;
  readonly past: Past | null;
  /** What was read for the newest event alone. */
  readonly newest: Past | null;
}

/** What a subscriber gets of the past: what it asked for, or on a cache channel the newest event. */
function wishOf(target: SubscribeTarget, log: Channel["log"]): Pick<Wanted, "catchUp" | "isCache"> {
  const wanted = catchUpOf(target);
  const isCache = log?.isCache === true && wanted?.kind !== "rewind";
  return { catchUp: isCache && wanted === null ? NEWEST : wanted, isCache };
}

function loggedOf({ channel }: Subscription): LoggedChannel | null {
  const { log } = channel;
  return log === null ? null : { channel, log };
}

function entryOf(session: Session, { channel, member }: Subscription): PresenceEntry {
  const { presenceMembers: maxMembers } = session.app.settings.limits;
  return { channel, connection: session.number, member, maxMembers };
}

/** False once it was unsubscribed, or the connection has closed: the reference was given back then. */
function isWanted({ subscriptions }: Subscriber, subscription: Subscription): boolean {
  return subscriptions.get(subscription.channel.channel) === subscription;
}
