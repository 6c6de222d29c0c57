import type { SubscribedFrame, SubscribedHistory, UnsubscribedFrame } from "@carillon/protocol";
import { type BackoffOptions, backoffMs } from "./backoff.ts";
import type { Channel } from "./channel.ts";
import { chunks } from "./chunks.ts";
import { CarillonError, warn } from "./errors.ts";
import type { ChannelAuthorization, ChannelAuthorizer } from "./options.ts";
import type { Requests } from "./requests.ts";
import { type Answer, readAnswer } from "./subscribe-answer.ts";
import { type SubscribeOptions, targetOf, type Wanted } from "./wanted.ts";
import type { WireDelivery } from "./wire.ts";

/** What Subscriptions stand on. */
export interface SubscriptionsOptions {
  readonly requests: Pick<Requests, "send">;
  readonly authorize: ChannelAuthorizer | null;
  readonly backoff: BackoffOptions;
  /** Whether the connection may still get the token that it has not yet. */
  readonly isTokenPending: () => boolean;
}

/** Tokens that arrive within this time go in one command, since commands are limited in rate. */
const GATHER_MS = 20;
const GUARDED = /^(?:private|presence)-/;

/**
 * Keeps what the server holds for this client like what the application wants. What is wanted and given up again within one turn
 * causes nothing. Answers to an older wish are passed over: each wish is an object of its own.
 */
export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #wanted = new Map<string, Wanted>();
  /** Given up in this turn, connected or not: whoever wants one again before the turn is over has it as it was, with nothing missed. */
  readonly #parted = new Map<string, Wanted>();
  /** Names that the server may hold and nobody wants. */
  readonly #unwanted = new Set<string>();
  /** Names whose unsubscribe is not answered yet: what still comes belongs to the former wish, and a newer one waits. */
  readonly #leaving = new Set<string>();
  readonly #ready = new Map<Wanted, ChannelAuthorization | null>();
  /** Timers of those that wait to be tried again, by how often they have failed: they go in one command, since commands are limited in rate. */
  readonly #retries = new Map<number, ReturnType<typeof setTimeout>>();
  #connectionId: string | null = null;
  /** Why there will be no connection. */
  #end: CarillonError | null = null;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #isFlushing = false;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  /**
   * Wants a channel. No effect on one that is wanted already, unless that has failed: then it is tried anew; or has not begun, and
   * nobody has said yet how to.
   */
  want(channel: Channel, options: SubscribeOptions = {}): void {
    const known = this.#wanted.get(channel.name);
    if (known !== undefined && channel.state.status !== "failed") {
      if (known.hasBegun || known.options.rewind !== undefined || known.position !== undefined) return;
      known.options = options;
      known.position = options.since;
      return;
    }
    const parted = this.#parted.get(channel.name);
    const isSameWish = options.rewind === undefined && options.since === undefined;
    if (parted !== undefined && isSameWish) {
      this.#parted.delete(channel.name);
      this.#wanted.set(channel.name, parted);
      if (parted.phase === "done") channel.become({ status: "subscribed" });
      else this.#wait(channel);
      return;
    }
    this.#part([channel.name]);
    const wanted: Wanted = {
      channel,
      options,
      position: known?.position ?? options.since,
      hasBegun: known?.hasBegun ?? false,
      phase: "none",
      failures: 0,
    };
    this.#wanted.set(channel.name, wanted);
    this.#wait(channel);
    this.#flushSoon();
  }

  /** Wants a channel no more. */
  drop(channel: Channel): void {
    const wanted = this.#wanted.get(channel.name);
    if (wanted === undefined) return;
    this.#wanted.delete(channel.name);
    this.#parted.set(channel.name, wanted);
    // Before it has begun nothing can be missed, and one that has failed is tried anew.
    if (!wanted.hasBegun || channel.state.status === "failed") this.#part([channel.name]);
    channel.become({ status: "detached" });
    this.#flushSoon();
  }

  /** There is a new connection, which knows of nothing. */
  connected(connectionId: string): void {
    this.#connectionId = connectionId;
    this.#flush();
  }

  /** The connection is no more. */
  lost(): void {
    this.#connectionId = null;
    this.#part();
    this.#unwanted.clear();
    this.#leaving.clear();
    this.#ready.clear();
    for (const timer of this.#retries.values()) clearTimeout(timer);
    this.#retries.clear();
    for (const wanted of this.#wanted.values()) {
      wanted.phase = "none";
      wanted.channel.presence.doubt();
      if (wanted.channel.state.status !== "failed") this.#wait(wanted.channel);
    }
  }

  /** Says why there will be no connection; null: there may be one. Channels that wait say so, and wait on once there may be one again. */
  expect(end: CarillonError | null): void {
    const before = this.#end;
    if (end === before) return;
    this.#end = end;
    for (const { channel } of this.#wanted.values()) {
      if (channel.state.status !== "failed" || channel.state.error === before) this.#wait(channel);
    }
  }

  /** Notes that a delivery, or a change of presence, has arrived; answers the channel that it is for, if that is wanted. */
  arrived({ channel: name, position }: Pick<WireDelivery, "channel" | "position">): Channel | undefined {
    const wanted = this.#wanted.get(name);
    if (wanted === undefined || wanted.phase === "none") return undefined;
    if (position !== undefined) {
      // Before the answer: it is of an earlier ask, whose answer came too late (N14).
      if (wanted.phase !== "done") return undefined;
      wanted.position = position;
      wanted.hasBegun = true;
    }
    return wanted.channel;
  }

  /** The server has lost events of a channel. */
  gap(name: string, position: string | undefined): void {
    const wanted = this.#wanted.get(name);
    if (wanted?.phase !== "done") return;
    if (position !== undefined) wanted.position = position;
    wanted.channel.tell("gap", { reason: "lost" });
  }

  /** The server has ended a subscription by itself. */
  ended({ channel: name, code, message }: UnsubscribedFrame): void {
    const wanted = this.#wanted.get(name ?? "");
    if (wanted === undefined || code === undefined) return;
    this.#fail(wanted, new CarillonError(code, message ?? code));
  }

  #wait(channel: Channel): void {
    channel.become(this.#end === null ? { status: "subscribing" } : { status: "failed", error: this.#end });
  }

  /** Those of these names that were given up are not wanted again. */
  #part(names: Iterable<string> = this.#parted.keys()): void {
    for (const name of names) {
      const wanted = this.#parted.get(name);
      if (wanted === undefined) continue;
      this.#parted.delete(name);
      this.#ready.delete(wanted);
      if (wanted.phase !== "none") this.#unwanted.add(name);
      wanted.channel.presence.end();
    }
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    this.#part();
    const connectionId = this.#connectionId;
    if (connectionId === null) return;
    // One that is wanted again is unsubscribed from all the same: it begins anew then, with its own options.
    for (const channels of chunks([...this.#unwanted])) this.#leave(channels);
    this.#unwanted.clear();
    const { authorize } = this.#options;
    for (const wanted of this.#wanted.values()) {
      const { name, state } = wanted.channel;
      if (wanted.phase !== "none" || state.status === "failed" || this.#leaving.has(name)) continue;
      wanted.phase = "asking";
      if (authorize === null || !GUARDED.test(name)) this.#ready.set(wanted, null);
      else void this.#authorize(authorize, wanted, connectionId);
    }
    this.#ask();
  }

  #leave(channels: readonly string[]): void {
    for (const name of channels) this.#leaving.add(name);
    const onAnswer = () => {
      for (const name of channels) this.#leaving.delete(name);
      this.#flushSoon();
    };
    const onError = ({ code }: CarillonError) => {
      // All subscriptions have gone with the connection.
      if (code === "connection_lost" || code === "closed") return;
      // Refused, as for the rate of commands, or not answered in time: the server may hold them still.
      for (const name of channels) this.#unwanted.add(name);
      setTimeout(() => this.#flush(), backoffMs(this.#options.backoff, 1));
    };
    this.#options.requests.send({ type: "unsubscribe", channels }, { onAnswer, onError });
  }

  async #authorize(authorize: ChannelAuthorizer, wanted: Wanted, socketId: string): Promise<void> {
    const { name } = wanted.channel;
    try {
      const answer = await authorize({ channel: name, socketId });
      if (!this.#isCurrent(wanted, socketId)) return;
      this.#ready.set(wanted, typeof answer === "string" ? { token: answer } : answer);
      this.#flushTimer ??= setTimeout(() => this.#ask(), GATHER_MS);
    } catch (cause) {
      if (!this.#isCurrent(wanted, socketId)) return;
      const isOurs = cause instanceof CarillonError;
      const message = `no token for ${name}: ${cause instanceof Error ? cause.message : String(cause)}`;
      this.#fail(wanted, isOurs ? cause : new CarillonError("auth_failed", message, { cause, isRetryable: true }));
    }
  }

  /** Asks for all that is ready. */
  #ask(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    const connectionId = this.#connectionId;
    if (connectionId === null) return;
    const ready = [...this.#ready];
    this.#ready.clear();
    for (const chunk of chunks(ready)) this.#askFor(chunk, connectionId);
  }

  #askFor(ready: readonly (readonly [Wanted, ChannelAuthorization | null])[], connectionId: string): void {
    const chunk = ready.filter(([wanted]) => this.#isCurrent(wanted, connectionId));
    if (chunk.length === 0) return;
    const asked = new Map(chunk.map(([wanted]) => [wanted, wanted.position]));
    const current = () => [...asked].filter(([wanted]) => this.#isCurrent(wanted, connectionId));
    const channels = chunk.map(([wanted, authorization]) => targetOf(wanted, authorization));
    this.#options.requests.send(
      { type: "subscribe", channels },
      {
        onAnswer: (frame) => {
          const answer = readAnswer(frame as SubscribedFrame);
          for (const [wanted, position] of current()) this.#take(wanted, answer, position);
        },
        onError: (error) => {
          // One that is malformed has the server refuse all of them (N13): asked for by halves, the others stand.
          const half = chunk.length >> 1;
          if (half === 0 || error.isRetryable) for (const [wanted] of current()) this.#fail(wanted, error);
          else for (const part of [chunk.slice(0, half), chunk.slice(half)]) this.#askFor(part, connectionId);
        },
      },
    );
  }

  #take(wanted: Wanted, { errors, histories, presences }: Answer, asked: string | undefined): void {
    const { name, presence } = wanted.channel;
    const error = errors.get(name);
    if (error !== undefined) {
      this.#fail(wanted, new CarillonError(error.code, error.message));
      return;
    }
    const report = presences.get(name);
    if (report !== undefined) presence.begin(report);
    this.#begun(wanted, histories.get(name) ?? {}, asked);
  }

  #begun(
    wanted: Wanted,
    { position, recovered, reason, rewound, cached }: SubscribedHistory,
    asked: string | undefined,
  ): void {
    const { channel, hasBegun } = wanted;
    wanted.phase = "done";
    wanted.failures = 0;
    const wasRecovered = recovered === true;
    // What was missed or asked for follows the answer, and bears positions of its own: until it is here, all is as before (N48).
    if (!rewound && !cached) {
      wanted.hasBegun = true;
      if (!wasRecovered) wanted.position = position;
    }
    channel.become({ status: "subscribed" });
    channel.tell("subscribed", { wasRecovered });
    const isGap = asked === undefined ? hasBegun : !wasRecovered;
    if (isGap) channel.tell("gap", { reason: reason ?? "no_history" });
  }

  #fail(wanted: Wanted, refusal: CarillonError): void {
    const { channel } = wanted;
    const { code, message } = refusal;
    const isEarly = code === "token_required" && this.#options.isTokenPending();
    const error = isEarly ? new CarillonError(code, message, { isRetryable: true }) : refusal;
    if (!error.isRetryable) {
      wanted.phase = "done";
      channel.presence.doubt();
      channel.become({ status: "failed", error });
      if (!channel.tell("error", error)) warn(error);
      return;
    }
    channel.tell("error", error);
    wanted.phase = "waiting";
    // It may stand all the same, and its answer would be passed over: undone first, it is answered in full.
    if (error.code === "timeout") this.#unwanted.add(channel.name);
    const failures = ++wanted.failures;
    if (this.#retries.has(failures)) return;
    const retry = () => {
      this.#retries.delete(failures);
      for (const each of this.#wanted.values()) {
        if (each.phase === "waiting" && each.failures === failures) each.phase = "none";
      }
      this.#flush();
    };
    this.#retries.set(failures, setTimeout(retry, backoffMs(this.#options.backoff, failures - 1)));
  }

  #isCurrent(wanted: Wanted, connectionId: string): boolean {
    return this.#connectionId === connectionId && this.#wanted.get(wanted.channel.name) === wanted;
  }
}
