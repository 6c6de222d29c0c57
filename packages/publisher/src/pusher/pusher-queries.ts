import {
  type App,
  type ChannelRules,
  type ChannelSummary,
  type Clock,
  type ClusterControl,
  type HistoryStore,
  HistoryUnavailableError,
} from "@carillon/core";
import {
  accept,
  CHANNEL_NAME_RULE,
  channelKind,
  decodeEnvelope,
  isChannelName,
  type Result,
  refuse,
} from "@carillon/protocol";
import { toDataLiteral } from "@carillon/protocol/pusher";
import type { HttpAnswer } from "@carillon/service";
import { type InfoAttribute, readInfo, shownCounts } from "./info-attributes.ts";
import { answerAbout, answerRefusal } from "./pusher-answer.ts";
import type { PusherCall } from "./pusher-call.ts";
import { RecentAnswers } from "./recent-answers.ts";

/** What PusherQueries stand on. */
export interface PusherQueriesOptions {
  readonly control: ClusterControl;
  /** Has the newest events of cache channels. */
  readonly history: HistoryStore;
  readonly rules: ChannelRules;
  readonly clock: Clock;
}

/** Most channels, and most users of a channel, that one answer lists. */
export const MAX_LISTED = 100_000;

const CHANNELS_PER_PAGE = 10_000;
const USERS_PER_PAGE = 1000;
const LISTED: readonly InfoAttribute[] = ["user_count", "subscription_count"];
const PRESENCE_PREFIX = "presence-";

/** The newest event of a cache channel. */
interface CachedEvent {
  readonly data: string;
  /** Seconds for which it is kept yet. */
  readonly ttl: number;
}

/** Answers what Pusher's API can be asked about channels and users, for the whole cluster, at most a second old. */
export class PusherQueries {
  readonly #options: PusherQueriesOptions;
  readonly #recent: RecentAnswers;

  constructor(options: PusherQueriesOptions) {
    this.#options = options;
    this.#recent = new RecentAnswers(options.clock);
  }

  /** `GET /apps/:id/channels` */
  async channels({ app, parameters }: PusherCall): Promise<HttpAnswer> {
    const prefix = parameters.get("filter_by_prefix") ?? "";
    const info = readInfo(parameters.get("info"), LISTED);
    if (!info.ok) return answerRefusal(info);
    if (info.value.has("user_count") && !prefix.startsWith(PRESENCE_PREFIX)) {
      const advice = `add filter_by_prefix=${PRESENCE_PREFIX}, or a longer one that begins so`;
      return answerRefusal(refuse("invalid_field", `"info" asks for user_count of channels of all kinds: ${advice}`));
    }
    return this.#answer(["channels", app.id, prefix, ...info.value], () => this.#list(app, prefix, info.value));
  }

  /** `GET /apps/:id/channels/:channel` */
  async channel(call: PusherCall): Promise<HttpAnswer> {
    const channel = channelOf(call);
    if (!channel.ok) return answerRefusal(channel);
    const asked = this.#readChannelInfo(call, channel.value);
    return asked.ok ? this.#describe(call.app, channel.value, asked.value) : answerRefusal(asked);
  }

  /** `GET /apps/:id/channels/:channel/stats`, the older way of asking for all numbers. */
  async stats(call: PusherCall): Promise<HttpAnswer> {
    const channel = channelOf(call);
    return channel.ok ? this.#describe(call.app, channel.value, new Set(LISTED)) : answerRefusal(channel);
  }

  /** `GET /apps/:id/channels/:channel/users` */
  async users(call: PusherCall): Promise<HttpAnswer> {
    const channel = channelOf(call);
    if (!channel.ok) return answerRefusal(channel);
    if (channelKind(channel.value) !== "presence") {
      const message = "only channels whose names begin with presence- know who is on them";
      return answerRefusal(refuse("invalid_field", message));
    }
    const { app } = call;
    return this.#answer(["users", app.id, channel.value], () => this.#listUsers(app, channel.value));
  }

  async #answer(question: readonly string[], make: () => Promise<HttpAnswer>): Promise<HttpAnswer> {
    return this.#recent.get(JSON.stringify(question), make);
  }

  async #list(app: App, prefix: string, asked: ReadonlySet<InfoAttribute>): Promise<HttpAnswer> {
    const found: ChannelSummary[] = [];
    let isComplete = true;
    let after: string | null = "";
    while (after !== null) {
      const page = await this.#options.control.channels(app.id, { prefix, after, limit: CHANNELS_PER_PAGE });
      isComplete &&= page.isComplete;
      // What is no channel to others, such as a user's, is none here.
      for (const summary of page.channels) if (isChannelName(summary.channel)) found.push(summary);
      after = page.next;
      if (found.length > MAX_LISTED || (after !== null && found.length === MAX_LISTED)) return tooMany("channels");
    }
    // Made from entries, so that a channel called `__proto__` is one like any other.
    const channels = Object.fromEntries(found.map((summary) => [summary.channel, shownCounts(summary, asked)]));
    return answerAbout({ channels }, isComplete);
  }

  #readChannelInfo({ app, parameters }: PusherCall, channel: string): Result<ReadonlySet<InfoAttribute>> {
    const info = readInfo(parameters.get("info"), ["user_count", "subscription_count", "cache"]);
    if (!info.ok) return info;
    if (info.value.has("user_count") && channelKind(channel) !== "presence") {
      return refuse("invalid_field", `"info" asks for user_count, which presence channels alone have`);
    }
    const isCache = this.#options.rules.ruleOf(app.id, channel).isCache;
    if (info.value.has("cache") && !isCache) {
      const kinds = "channels whose names begin with cache-, or with another kind's prefix and then cache-";
      return refuse("invalid_field", `"info" asks for cache, which cache channels alone have: ${kinds}`);
    }
    return info;
  }

  #describe(app: App, channel: string, asked: ReadonlySet<InfoAttribute>): Promise<HttpAnswer> {
    return this.#answer(["channel", app.id, channel, ...asked], async () => {
      const summary = this.#options.control.channel({ appId: app.id, channel });
      const cached = asked.has("cache") ? await this.#cached(app, channel) : accept(null);
      if (!cached.ok) return answerRefusal(cached);
      const { isComplete, ...counts } = await summary;
      const body = {
        occupied: counts.subscriptions > 0,
        ...shownCounts(counts, asked),
        ...(asked.has("cache") ? { cache: cached.value } : {}),
      };
      return answerAbout(body, isComplete);
    });
  }

  /** The newest event of a cache channel; null when it has none. */
  async #cached(app: App, channel: string): Promise<Result<CachedEvent | null>> {
    const { history, rules, clock } = this.#options;
    const limits = rules.ruleOf(app.id, channel).history;
    if (limits === null) return accept(null);
    try {
      const query = { limits, since: null, limit: 1, direction: "backward" } as const;
      const [newest] = (await history.read({ appId: app.id, channel }, query)).publications;
      const publication = newest === undefined ? null : decodeEnvelope(newest.envelope);
      if (publication === null) return accept(null);
      const data: unknown = JSON.parse(Buffer.from(toDataLiteral(publication)).toString());
      const leftMs = publication.timeMs + limits.maxAgeMs - clock.now();
      return accept({ data: String(data), ttl: Math.max(0, Math.ceil(leftMs / 1000)) });
    } catch (error) {
      if (error instanceof HistoryUnavailableError) return refuse(error.code, `${error.message}: ask again`);
      throw error;
    }
  }

  async #listUsers(app: App, channel: string): Promise<HttpAnswer> {
    const users: { readonly id: string }[] = [];
    let isComplete = true;
    let after: string | null = null;
    do {
      const page = await this.#options.control.members({ appId: app.id, channel }, { after, limit: USERS_PER_PAGE });
      if (page === null) break;
      isComplete &&= page.isComplete;
      for (const { id } of page.members) users.push({ id });
      after = page.next;
      if (users.length > MAX_LISTED) return tooMany("users");
    } while (after !== null);
    return answerAbout({ users }, isComplete);
  }
}

function channelOf({ names: [channel = ""] }: PusherCall): Result<string> {
  if (isChannelName(channel)) return accept(channel);
  return refuse("invalid_channel", `the path names no channel: ${CHANNEL_NAME_RULE}`);
}

function tooMany(what: "channels" | "users"): HttpAnswer {
  const advice = what === "channels" ? "ask with a longer filter_by_prefix" : "ask for user_count";
  return answerRefusal(refuse("invalid_field", `there are more than ${MAX_LISTED} ${what}: ${advice}`));
}
