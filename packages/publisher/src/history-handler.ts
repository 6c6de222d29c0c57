import {
  type App,
  type ChannelRules,
  type HistoryPage,
  type HistoryStore,
  HistoryUnavailableError,
} from "@carillon/core";
import { type HttpAnswer, type HttpRequest, problem } from "@carillon/service";
import type { CallerCheck } from "./caller-check.ts";
import { answerHistory } from "./history-answer.ts";
import { readChannel, readHistoryQuery } from "./history-query.ts";

/** What a HistoryHandler stands on. */
export interface HistoryHandlerOptions {
  readonly callers: CallerCheck;
  readonly history: HistoryStore;
  readonly rules: ChannelRules;
}

/** Answers what is kept of a channel to whoever may publish on it. */
export class HistoryHandler {
  readonly #options: HistoryHandlerOptions;

  constructor(options: HistoryHandlerOptions) {
    this.#options = options;
  }

  /** Answers a call. Refusals are answers; only bugs reject. */
  async answer(request: HttpRequest): Promise<HttpAnswer> {
    const caller = this.#options.callers.check(request);
    return caller.ok ? this.#answer(request, caller.app) : caller.answer;
  }

  async #answer(request: HttpRequest, app: App): Promise<HttpAnswer> {
    const channel = readChannel(request.path);
    if (!channel.ok) return problem(channel.code, channel.message);
    const asked = readHistoryQuery(request.query);
    if (!asked.ok) return problem(asked.code, asked.message);
    const { history: limits } = this.#options.rules.ruleOf(app.id, channel.value);
    if (limits === null) {
      const detail = "this channel keeps no history: the configuration has no rule for it with history (channels)";
      return problem("not_found", detail);
    }
    const address = { appId: app.id, channel: channel.value };
    let page: HistoryPage;
    try {
      page = await this.#options.history.read(address, { ...asked.value, limits });
    } catch (error) {
      if (!(error instanceof HistoryUnavailableError)) throw error;
      return problem("history_unavailable", `${error.message}: ask again`, { "retry-after": "1" });
    }
    return answerHistory({ channel: channel.value, page, hasSince: asked.value.since !== null });
  }
}
