import type { ChannelMap, EventOf } from "@carillon/protocol";
import type { Answer } from "./answer.ts";
import { CarillonError } from "./carillon-error.ts";
import type { CallOptions } from "./http-transport.ts";
import { checkChannel } from "./ids.ts";
import { type NativeApi, path } from "./native-api.ts";
import { type Page, type PageQuery, paged } from "./paging.ts";

/** A channel, and how many are on it, over all gateways. */
export interface ChannelInfo {
  readonly channel: string;
  /** Connections that are subscribed. */
  readonly subscriptions: number;
  /** Users on it, each counted once; null on channels that are no presence channels. */
  readonly users: number | null;
}

/** What is known of one channel. */
export interface ChannelState extends ChannelInfo {
  readonly isOccupied: boolean;
  /** False when a gateway did not answer in time: numbers may be too low. */
  readonly isComplete: boolean;
}

/** A user on a presence channel. */
export interface ChannelMember {
  readonly id: string;
  /** What the application told of the user; undefined for nothing. */
  readonly info?: unknown;
}

/** A page of the users on a presence channel. */
export interface MemberPage extends Page<ChannelMember> {
  /** How many there are in all. */
  readonly count: number;
}

/** Which channels to list. */
export interface ChannelQuery extends PageQuery {
  /** What their names begin with. */
  readonly prefix?: string | undefined;
}

/** Which part of a history to read. */
export interface HistoryQuery extends CallOptions {
  /** Most publications in one answer, 1 to 1,000; default 100. */
  readonly limit?: number | undefined;
  /** Only what came after this position. Goes with `forward`. */
  readonly since?: string | undefined;
  /** `forward` (default): oldest first; `backward`: newest first. */
  readonly direction?: "forward" | "backward" | undefined;
}

/** An event that is kept. */
export type Publication<Channels extends ChannelMap, Name extends string> = EventOf<Channels, Name> & {
  readonly id: string;
  /** When it was accepted, in ms since 1970. */
  readonly timeMs: number;
  readonly position: string;
};

/** A part of a channel's history. */
export interface HistoryPage<Channels extends ChannelMap, Name extends string> {
  readonly publications: readonly Publication<Channels, Name>[];
  /** The newest position of the channel. */
  readonly position: string;
  /** True when a limit cut the answer short: go on with `since` the position of its last publication. */
  readonly hasMore: boolean;
  /** With `since`: false when something between that and the answer is kept no more. Null without `since`. */
  readonly isRecovered: boolean | null;
}

/** What is asked about channels. All of it may be asked again, so it is repeated when it fails. */
export class ChannelQueries<Channels extends ChannelMap> {
  readonly #api: NativeApi;

  constructor(api: NativeApi) {
    this.#api = api;
  }

  /** A page of the channels that have subscribers, by name. */
  async list({ prefix, after, limit, ...options }: ChannelQuery = {}): Promise<Page<ChannelInfo>> {
    const query = { prefix, after, limit };
    const answer = await this.#api.call({ method: "GET", path: "/channels", query, options });
    return {
      items: answer.list("channels", infoOf),
      next: answer.textOrNull("next"),
      isComplete: answer.boolean("complete"),
    };
  }

  /** All channels that have subscribers, page by page. */
  all(query: Omit<ChannelQuery, "after"> = {}): AsyncIterable<ChannelInfo> {
    return paged((page) => this.list({ ...query, ...page }), query.limit);
  }

  /** One channel. One that nobody is subscribed to is no error: it has 0 subscriptions. */
  async get(channel: string, options: CallOptions = {}): Promise<ChannelState> {
    const answer = await this.#api.call({ method: "GET", path: path`/channels/${checkChannel(channel)}`, options });
    return { ...infoOf(answer), isOccupied: answer.boolean("occupied"), isComplete: answer.boolean("complete") };
  }

  /** A page of the users on a presence channel, by id. */
  async members(channel: string, { after, limit, ...options }: PageQuery = {}): Promise<MemberPage> {
    const address = path`/channels/${checkChannel(channel)}/members`;
    const answer = await this.#api.call({ method: "GET", path: address, query: { after, limit }, options });
    return {
      items: answer.list("members", memberOf),
      count: answer.number("count"),
      next: answer.textOrNull("next"),
      isComplete: answer.boolean("complete"),
    };
  }

  /** All users on a presence channel, page by page. */
  allMembers(channel: string, query: Omit<PageQuery, "after"> = {}): AsyncIterable<ChannelMember> {
    return paged((page) => this.members(channel, { ...query, ...page }), query.limit);
  }

  /** A part of what is kept of a channel with a history. Rejects with `not_found` for a channel without. */
  async history<const Name extends string>(
    channel: Name,
    { limit, since, direction, ...options }: HistoryQuery = {},
  ): Promise<HistoryPage<Channels, Name>> {
    const address = path`/channels/${checkChannel(channel)}/history`;
    const query = { limit, since, direction };
    const answer = await this.#api.call({ method: "GET", path: address, query, options });
    return {
      publications: answer.list("publications", publicationOf<Channels, Name>),
      position: answer.text("position"),
      hasMore: answer.boolean("hasMore"),
      isRecovered: answer.has("recovered") ? answer.boolean("recovered") : null,
    };
  }

  /**
   * All that is kept of a channel, or came after `since`, oldest first, page by page. Throws `history_gap` at the
   * place where something is kept no more that should have come next.
   */
  async *allHistory<const Name extends string>(
    channel: Name,
    query: Omit<HistoryQuery, "direction"> = {},
  ): AsyncGenerator<Publication<Channels, Name>, void, void> {
    let since = query.since;
    for (;;) {
      const page = await this.history(channel, { ...query, ...(since === undefined ? {} : { since }) });
      if (page.isRecovered === false) throw gap(channel);
      yield* page.publications;
      const last = page.publications.at(-1);
      if (!page.hasMore || last === undefined) return;
      since = last.position;
    }
  }
}

function gap(channel: string): CarillonError {
  const advice = "read the state that they make up anew, and go on from the newest position";
  return new CarillonError("history_gap", `events of "${channel}" after that position are kept no more: ${advice}`);
}

function infoOf(answer: Answer): ChannelInfo {
  const users = answer.has("users") ? answer.number("users") : null;
  return { channel: answer.text("channel"), subscriptions: answer.number("subscriptions"), users };
}

function memberOf(answer: Answer): ChannelMember {
  const id = answer.text("id");
  return answer.has("info") ? { id, info: answer.value("info") } : { id };
}

function publicationOf<Channels extends ChannelMap, Name extends string>(answer: Answer): Publication<Channels, Name> {
  const publication = {
    event: answer.text("event"),
    payload: answer.value("payload"),
    id: answer.text("id"),
    timeMs: answer.number("time"),
    position: answer.text("position"),
  };
  // What a payload holds is the word of whoever declared the channels.
  return publication as unknown as Publication<Channels, Name>;
}
