import {
  accept,
  allows,
  CLOSE_CODES,
  type CloseCodeName,
  channelKind,
  type Result,
  reconnectRule,
  refuse,
  type SubscribeTarget,
} from "@carillon/protocol";
import type { Channel } from "./channel.ts";
import type { PublishedEvent } from "./event-publisher.ts";
import type { HistoryAnswer, HistoryRequest } from "./history-access.ts";
import type { NodeServices } from "./node-services.ts";
import { mayReadHistory, maySignIn } from "./permissions.ts";
import type { App, ConnectionGrant } from "./ports/apps.ts";
import type { Codec } from "./ports/codec.ts";
import type { Transport } from "./ports/transport.ts";
import type { Roster } from "./presence/member.ts";
import type { ClientEvent } from "./publishing.ts";
import { RateLimit } from "./rate-limit.ts";
import { type SubscribeResult, type Subscription, SubscriptionSet } from "./subscription-set.ts";
import type { WatchReport } from "./users/online-users.ts";
import type { SignedInUser, SignIn } from "./users/signed-in-user.ts";

/** The protocol's side of a session: told what the session can't say in the protocol's own words. */
export interface SessionOwner {
  /** The protocol's own numbers for close codes, where they differ from the registry's; absent: nowhere. */
  readonly closeCodes?: Partial<Readonly<Record<CloseCodeName, number>>>;
  /** The connection is about to be closed for this reason: the last chance to write a frame. */
  onClosing(name: CloseCodeName): void;
  /** Users that the connection watches have come online or gone. Absent: the protocol has no word for it. */
  onWatched?(report: WatchReport): void;
  /** The subscription to this channel has ended, because a new connection token doesn't grant it any more. */
  onRevoked(channel: string): void;
}

/** What a Session is made of. */
export interface SessionOptions {
  readonly app: App;
  readonly transport: Transport;
  readonly codec: Codec;
  readonly owner: SessionOwner;
  /** What the client calls itself over its reconnects; null or absent: nothing. */
  readonly senderId?: string | null;
}

/** How long a connection may go without a token where its app requires one. */
const TOKEN_GRACE_MS = 10_000;

const ACCEPTED = accept(undefined);

/**
 * The server's object for one connection: what it may do, and what it is subscribed to. It knows no protocol and no
 * transport; a protocol adapter turns frames into calls of it, and its results into frames.
 */
export class Session {
  readonly number: number;
  readonly app: App;
  readonly transport: Transport;
  /** What the client calls itself over its reconnects; null: nothing. */
  readonly senderId: string | null;
  #codec: Codec;
  readonly #owner: SessionOwner;
  readonly #node: NodeServices;
  readonly #subscriptions = new SubscriptionSet();
  readonly #commandRate = new RateLimit();
  #eventRate: RateLimit | null = null;
  /** The read of a history that is under way; null: none. */
  #reading: Promise<unknown> | null = null;
  #grant: ConnectionGrant | null = null;
  #user: SignedInUser | null = null;
  // When the connection ends unless a (newer) token comes, in ms since 1970; 0 = never.
  #endsAtMs = 0;
  // Why, from the moment the close was asked for; the transport may take a while to tell that it has closed.
  #ending: CloseCodeName | null = null;
  #isClosed = false;

  /** Made by `Node.openSession`, which knows whether there is room. */
  constructor(node: NodeServices, options: SessionOptions) {
    this.#node = node;
    this.app = options.app;
    this.transport = options.transport;
    this.#codec = options.codec;
    this.senderId = options.senderId ?? null;
    this.#owner = options.owner;
    this.number = node.connections.nextNumber();
    if (this.app.settings.token.isRequired) this.#endAt(node.clock.now() + TOKEN_GRACE_MS);
  }

  /** The id that clients know the connection by; unique over the cluster. */
  get connectionId(): string {
    return this.#node.connections.idOf(this.number);
  }

  /** The form in which the connection gets publications. */
  get codec(): Codec {
    return this.#codec;
  }

  /** Chooses another one; false, and nothing is changed, once the connection has subscriptions or waits for some. */
  useCodec(codec: Codec): boolean {
    if (this.#subscriptions.size > 0) return false;
    this.#codec = codec;
    return true;
  }

  /** What the connection's token grants; null without one. */
  get grant(): ConnectionGrant | null {
    return this.#grant;
  }

  /** Whose connection it is, since a user token said so; null before that. */
  get user(): SignedInUser | null {
    return this.#user;
  }

  /** Channels that the connection is subscribed to, or about to be. */
  get subscriptionCount(): number {
    return this.#subscriptions.size;
  }

  /** True when the subscription to exactly this channel stands. */
  isSubscribed(channel: Channel): boolean {
    const subscription = this.#subscriptions.get(channel.channel);
    return subscription !== undefined && subscription.channel === channel && subscription.pending === null;
  }

  /** The subscriptions that stand. */
  *standing(): Generator<Subscription> {
    for (const subscription of this.#subscriptions.all()) if (subscription.pending === null) yield subscription;
  }

  /** True when the connection has proven to be this user's as a whole: a token of it names the user. */
  isSignedInAs(userId: string): boolean {
    return this.#grant?.userId === userId || this.#user?.id === userId;
  }

  /** True when the connection is signed in as this user, or is on a presence channel as this user. */
  isOf(userId: string): boolean {
    if (this.isSignedInAs(userId)) return true;
    for (const { member } of this.#subscriptions.all()) if (member?.id === userId) return true;
    return false;
  }

  /** The users that the connection is: its tokens', and who it is on presence channels. Mostly none or one, perhaps twice. */
  userIds(): string[] {
    const ids: string[] = [];
    if (this.#grant !== null && this.#grant.userId !== null) ids.push(this.#grant.userId);
    if (this.#user !== null) ids.push(this.#user.id);
    for (const { member } of this.#subscriptions.all()) if (member !== null) ids.push(member.id);
    return ids;
  }

  /**
   * Counts a command; false when the connection sends more of them than its app allows. `burst`: how many may come at once,
   * where the protocol has small commands; default: twice those of a second.
   */
  takeCommand(burst?: number): boolean {
    return this.#commandRate.take(this.app.settings.limits.commandsPerSecond, this.#node.clock.monotonic(), burst);
  }

  /**
   * Takes a connection token: the first, or one that replaces it. A refused one leaves things as they were. A token for
   * another user than the one before is refused, since what the connection holds was granted to that one. One that is
   * blocked, or whose user is or has too many connections, ends the connection.
   */
  async authenticate(token: string): Promise<Result<ConnectionGrant>> {
    const verified = await this.#node.authorizer.verifyConnectionToken(this.app, token);
    if (!verified.ok) return verified;
    if (this.#isClosed) return refuse("cancelled", "the connection has closed");
    const grant = verified.value;
    if (this.#grant !== null && this.#grant.userId !== grant.userId) {
      return refuse("forbidden", "the new token is for another user (sub): open a new connection for that one");
    }
    const blocked = this.#node.blocks?.refusalOfToken(this.app, grant) ?? null;
    if (blocked !== null) {
      this.end("blocked");
      return blocked;
    }
    if (this.#grant === null && grant.userId !== null && !this.#node.quota.admit(this, grant.userId)) {
      this.end("user_connection_limit");
      return refuse("user_connection_limit", "the user has as many connections as it may: close another one first");
    }
    this.#grant = grant;
    this.#endAt(grant.expiresAtMs);
    this.#revokeUngranted(grant);
    return verified;
  }

  /**
   * Signs the connection's user in, or signs the same user in again. From then on the user's own channel may be subscribed
   * to, and the user is online until the connection ends. A blocked user ends the connection.
   */
  signIn(request: SignIn): Result<void> {
    if (this.#isClosed) return refuse("cancelled", "the connection has closed");
    const allowed = maySignIn(this, this.#node.authorizer, request);
    if (!allowed.ok) return allowed;
    const blocked = this.#node.blocks?.refusalOfUser(this.app, request.user.id) ?? null;
    if (blocked !== null) {
      this.end("blocked");
      return blocked;
    }
    const isFirst = this.#user === null;
    this.#user = request.user;
    if (this.#grant === null) this.#endAt(0);
    if (isFirst) this.#node.online.signedIn(this);
    return ACCEPTED;
  }

  /** Watches these users, instead of those before; see {@link OnlineUsers.watch}. The connection must be signed in. */
  watch(userIds: readonly string[]): Promise<Result<WatchReport>> {
    return this.#node.online.watch(this, userIds);
  }

  /** Called by the node's OnlineUsers. */
  onWatched(report: WatchReport): void {
    this.#owner.onWatched?.(report);
  }

  /**
   * Subscribes. Accepted means that the interest stands: whatever is published from now on through this node's part of the
   * bus arrives. On channels with history it is accepted with a {@link Joining}, and what is published arrives from the
   * join on. Answers at once where it can, so that a storm of subscribers to a channel that is already here costs no
   * promises. Idempotent: a repeat is answered like the first.
   */
  subscribe(target: SubscribeTarget): SubscribeResult | Promise<SubscribeResult> {
    if (this.#isClosed) return refuse("cancelled", "the connection has closed");
    return this.#node.subscribing.begin({ session: this, subscriptions: this.#subscriptions }, target);
  }

  /** Unsubscribes; false when there was nothing to undo. A subscribe that still waits is cancelled. */
  unsubscribe(name: string): boolean {
    const subscription = this.#subscriptions.get(name);
    if (subscription === undefined) return false;
    // As long as it is subscribed: who is passed over must be known as a subscriber.
    this.#node.hub.flush(subscription.channel);
    this.#subscriptions.remove(subscription);
    this.#node.subscribing.undo(this, subscription, false);
    return true;
  }

  /** Publishes an event of this client. Accepted means that the bus has taken it over. */
  async publish(event: ClientEvent): Promise<Result<PublishedEvent>> {
    if (this.#isClosed) return refuse("cancelled", "the connection has closed");
    this.#eventRate ??= new RateLimit();
    return this.#node.publishing.publish(
      { session: this, subscriptions: this.#subscriptions, rate: this.#eventRate },
      event,
    );
  }

  /** Reads a part of a channel's history, where the client may. */
  async readHistory(request: HistoryRequest): Promise<Result<HistoryAnswer>> {
    const { channel } = request;
    const allowed = mayReadHistory(this, channel, this.#stands(channel));
    if (!allowed.ok) return allowed;
    const { history } = this.#node;
    if (history === null)
      return refuse("not_found", "no channel keeps a history here: rules under channels switch it on");
    // One after the other: all connections share what may be read at a time, and none of them waits behind a hundred reads of another one.
    const before = this.#reading;
    const read = async (): Promise<Result<HistoryAnswer>> => {
      if (this.#isClosed) return refuse("cancelled", "the connection has closed");
      return history.access.read({ appId: this.app.id, channel }, request);
    };
    const answer = before === null ? read() : before.then(read, read);
    this.#reading = answer;
    try {
      return await answer;
    } finally {
      if (this.#reading === answer) this.#reading = null;
    }
  }

  /** Who is on a presence channel that the connection is subscribed to. */
  rosterOf(name: string): Result<Roster> {
    const channel = this.#subscriptions.get(name)?.channel;
    const { presence } = this.#node;
    if (channel === undefined || !this.#stands(name)) {
      return refuse("not_subscribed", "subscribe to the channel before asking who is on it");
    }
    if (presence === null || channelKind(name) !== "presence") {
      return refuse("not_found", "only channels whose names begin with presence- know who is on them");
    }
    return accept(presence.rosterOf(channel));
  }

  /** The client says that an event has arrived. `messageId`: as its delivery had it. */
  receive(name: string, messageId: string): Result<void> {
    const channel = this.#subscriptions.get(name)?.channel;
    if (channel === undefined || !this.#stands(name)) {
      return refuse("not_subscribed", "receipts are for events of channels that the connection is subscribed to");
    }
    this.#node.receipts?.received(channel, messageId, this.number);
    return ACCEPTED;
  }

  /** Ends the connection with a close code of the registry, after the protocol's last word. False when it ends already. */
  end(name: CloseCodeName): boolean {
    if (this.#isClosed || this.#ending !== null) return false;
    this.#ending = name;
    // What was published before is delivered before.
    this.#node.hub.flush();
    this.#owner.onClosing(name);
    const { code, reason } = CLOSE_CODES[name];
    this.transport.close(this.#owner.closeCodes?.[name] ?? code, reason);
    return true;
  }

  /** The transport has closed: gives back everything the session holds. Called once, by the protocol adapter. */
  onClosed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // Who was sent away for good is not waited for.
    const mayReturn = this.#ending === null || reconnectRule(CLOSE_CODES[this.#ending].code) !== "never";
    for (const subscription of this.#subscriptions.takeAll()) {
      this.#node.subscribing.undo(this, subscription, mayReturn);
    }
    this.#endAt(0);
    this.#node.online.left(this);
    this.#node.quota.release(this);
    this.#node.connections.remove(this);
  }

  /** The time has come by which a token, or a newer one, should have been here. Called by the node's ExpiryWheel. */
  onTokenDue(): void {
    this.#endsAtMs = 0;
    this.end(this.#grant === null ? "unauthorized" : "token_expired");
  }

  #endAt(atMs: number): void {
    if (this.#endsAtMs !== 0) this.#node.expiries.remove(this, this.#endsAtMs);
    this.#endsAtMs = atMs;
    if (atMs !== 0) this.#node.expiries.add(this, atMs);
  }

  #stands(name: string): boolean {
    return this.#subscriptions.get(name)?.pending === null;
  }

  #revokeUngranted(grant: ConnectionGrant): void {
    for (const { channel, isByCapability } of this.#subscriptions.all()) {
      if (!isByCapability || allows(grant.capabilities, "subscribe", channel.channel)) continue;
      this.unsubscribe(channel.channel);
      this.#owner.onRevoked(channel.channel);
    }
  }
}
