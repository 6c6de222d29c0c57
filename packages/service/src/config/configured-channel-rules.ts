import { isDeepStrictEqual } from "node:util";
import type { ChannelRule, ChannelRules, HistoryLimits } from "@carillon/core";
import { isCacheChannel, isServerChannel, matchesPattern } from "@carillon/protocol";
import type { ConfiguredChannelRule } from "./config-types.ts";

/** What {@link ConfiguredChannelRules} begins with. */
export interface ConfiguredChannelRulesOptions {
  /** In the order of the configuration; the first that matches a channel holds for it. */
  readonly rules: readonly ConfiguredChannelRule[];
  /** What the store was made for: no rule asks for more, whatever it says. Absent: it takes any. */
  readonly ceiling?: HistoryLimits;
  /** Channels whose rule is remembered. Default 100,000: as many as a busy node has. */
  readonly maxRemembered?: number;
}

interface Entry {
  readonly configured: ConfiguredChannelRule;
  readonly rule: ChannelRule;
  /** What holds for those of its channels that are cache channels by their name. */
  readonly cacheRule: ChannelRule;
}

/** A channel that changes are listed on up to a thousand members; the default of `channels[].presence.listUpTo`. */
const DEFAULT_LIST_UP_TO = 1000;

const DEFAULT_RULE: ChannelRule = Object.freeze({
  history: null,
  isCache: false,
  presenceListUpTo: DEFAULT_LIST_UP_TO,
});

/** What a cache channel keeps when no rule says more: the newest event, for 30 minutes, which is what Pusher documents. */
const CACHE_LIMITS: HistoryLimits = Object.freeze({ messages: 1, maxAgeMs: 1_800_000 });

const DEFAULT_CACHE_RULE: ChannelRule = Object.freeze({ ...DEFAULT_RULE, history: CACHE_LIMITS, isCache: true });
const DEFAULT_MAX_REMEMBERED = 100_000;

/**
 * The rules for channels as they are configured. The object stays over every reload, so that whoever holds it asks the
 * newest rules.
 */
export class ConfiguredChannelRules implements ChannelRules {
  readonly #maxRemembered: number;
  readonly #ceiling: HistoryLimits | null;
  // By app and channel, in two generations: when the young one is full it becomes the old one, whose content is forgotten.
  // That bounds it, and keeps what is in use, for the price of one look-up.
  #young = new Map<string, ChannelRule>();
  #old = new Map<string, ChannelRule>();
  #entries: readonly Entry[];

  constructor({ rules, ceiling, maxRemembered = DEFAULT_MAX_REMEMBERED }: ConfiguredChannelRulesOptions) {
    this.#maxRemembered = maxRemembered;
    this.#ceiling = ceiling ?? null;
    this.#entries = rules.map((each) => toEntry(each, this.#ceiling));
  }

  /**
   * Takes over new rules, all at once. Channels that are in use keep what they began with until they are asked for anew.
   * False when some rule asks for more than the store was made for, and gets less.
   */
  reload(rules: readonly ConfiguredChannelRule[]): boolean {
    this.#entries = rules.map((each) => toEntry(each, this.#ceiling));
    this.#young = new Map();
    this.#old = new Map();
    return this.#entries.every(
      ({ configured, rule }) => configured.history === null || isDeepStrictEqual(configured.history, rule.history),
    );
  }

  /** True when some rule keeps a history. */
  get hasHistory(): boolean {
    return this.#entries.some(({ rule }) => rule.history !== null);
  }

  ruleOf(appId: string, channel: string): ChannelRule {
    // Patterns are about the channels that clients can name.
    if (isServerChannel(channel)) return DEFAULT_RULE;
    if (this.#entries.length === 0) return isCacheChannel(channel) ? DEFAULT_CACHE_RULE : DEFAULT_RULE;
    // App ids have no slash.
    const key = `${appId}/${channel}`;
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const rule = this.#old.get(key) ?? this.#find(appId, channel);
    if (this.#young.size >= Math.ceil(this.#maxRemembered / 2)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, rule);
    return rule;
  }

  #find(appId: string, channel: string): ChannelRule {
    const isCache = isCacheChannel(channel);
    for (const { configured, rule, cacheRule } of this.#entries) {
      const isForApp = configured.apps.length === 0 || configured.apps.includes(appId);
      if (isForApp && matchesPattern(configured.match, channel)) return isCache ? cacheRule : rule;
    }
    return isCache ? DEFAULT_CACHE_RULE : DEFAULT_RULE;
  }
}

/** One object for each rule, made once: asking costs no allocation. */
function toEntry(configured: ConfiguredChannelRule, ceiling: HistoryLimits | null): Entry {
  const { isCache, presenceListUpTo } = configured;
  const history = configured.history ?? (isCache ? CACHE_LIMITS : null);
  const limits = history === null || ceiling === null ? history : lesserOf(history, ceiling);
  const rule = Object.freeze({ history: limits, isCache, presenceListUpTo });
  return { configured, rule, cacheRule: Object.freeze({ ...rule, history: limits ?? CACHE_LIMITS, isCache: true }) };
}

function lesserOf(left: HistoryLimits, right: HistoryLimits): HistoryLimits {
  return { messages: Math.min(left.messages, right.messages), maxAgeMs: Math.min(left.maxAgeMs, right.maxAgeMs) };
}

/** The largest limits that any rule asks for; null when none has a history. For each of the two by itself. */
export function largestLimits(rules: readonly ConfiguredChannelRule[]): HistoryLimits | null {
  return rules.reduce<HistoryLimits | null>((largest, { history }) => {
    if (history === null || largest === null) return history ?? largest;
    const { messages, maxAgeMs } = largest;
    return { messages: Math.max(messages, history.messages), maxAgeMs: Math.max(maxAgeMs, history.maxAgeMs) };
  }, null);
}
