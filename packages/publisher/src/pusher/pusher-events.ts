import type { App, ClusterControl } from "@carillon/core";
import { isChannelName, type Refusal, type Result, refuse } from "@carillon/protocol";
import type { HttpAnswer } from "@carillon/service";
import type { EventSender, SendOutcome } from "../event-sender.ts";
import { parseJsonBody, readTextBody } from "../json-body.ts";
import { describeOutcome, explainRefusal, lastRefusal } from "../outcome-answer.ts";
import type { PublishBudgets } from "../publish-budgets.ts";
import { inTrace } from "../trace-headers.ts";
import { shownCounts } from "./info-attributes.ts";
import { answerRefusal, answerWith } from "./pusher-answer.ts";
import type { PusherCall } from "./pusher-call.ts";
import { readTrigger, readTriggerBatch, type Trigger } from "./trigger-request.ts";

/** What PusherEvents stand on. */
export interface PusherEventsOptions {
  readonly control: ClusterControl;
  readonly sender: EventSender;
  readonly budgets: PublishBudgets;
}

/** Channels in one question to the gateways. */
const CHANNELS_PER_QUESTION = 100;

type Counts = Readonly<Record<string, number>>;

/** Publishes what comes through Pusher's API: checks, budget, bus, numbers where they were asked for. */
export class PusherEvents {
  readonly #options: PusherEventsOptions;

  constructor(options: PusherEventsOptions) {
    this.#options = options;
  }

  /** `POST /apps/:id/events` */
  async trigger({ app, body, trace }: PusherCall): Promise<HttpAnswer> {
    const read = readBody(body, app, readTrigger);
    if (!read.ok) return answerRefusal(read);
    const refused = await this.#publish(app, inTrace([read.value], trace));
    if (refused !== null) return refused;
    const { info } = read.value;
    if (info.size === 0) return answerWith({});
    return answerWith({ channels: Object.fromEntries(await this.#counts(app, read.value)) });
  }

  /** `POST /apps/:id/batch_events` */
  async batch({ app, body, trace }: PusherCall): Promise<HttpAnswer> {
    const read = readBody(body, app, readTriggerBatch);
    if (!read.ok) return answerRefusal(read);
    const refused = await this.#publish(app, inTrace(read.value, trace));
    if (refused !== null) return refused;
    if (read.value.every(({ info }) => info.size === 0)) return answerWith({});
    // Each event of a batch has one channel.
    const batch = await Promise.all(read.value.map(async (each) => (await this.#counts(app, each))[0]?.[1] ?? {}));
    return answerWith({ batch });
  }

  /** `POST /apps/:id/channels/:channel/events`: the older way, with the event's name in the query and its data as the body. */
  async triggerOnChannel({ app, parameters, names: [channel], body, trace }: PusherCall): Promise<HttpAnswer> {
    const data = readTextBody(body);
    if (!data.ok) return answerRefusal(data);
    const value = {
      channel,
      name: parameters.get("name"),
      data: data.value,
      socket_id: parameters.get("socket_id"),
    };
    const read = readTrigger({ value, limits: app.settings.limits });
    if (!read.ok) return answerRefusal(read);
    return (await this.#publish(app, inTrace([read.value], trace))) ?? answerWith({}, 202);
  }

  /** Answers null when all of it was accepted. */
  async #publish(app: App, triggers: readonly Trigger[]): Promise<HttpAnswer | null> {
    const { budgets, sender } = this.#options;
    const limited = budgets.spend(app, triggers);
    if (limited !== null) return answerRefusal(refuse("rate_limited", limited.message), {}, limited.retryAfter);
    const outcomes = await Promise.all(triggers.map((trigger) => sender.send(app.id, trigger)));
    const refusal = lastRefusal(outcomes);
    return refusal === null ? null : refusedAnswer(outcomes, refusal);
  }

  async #counts(app: App, { channels, info }: Trigger): Promise<readonly (readonly [channel: string, Counts])[]> {
    if (info.size === 0) return [];
    const asked: Promise<Awaited<ReturnType<ClusterControl["summaries"]>>>[] = [];
    // A user's channel has no numbers to tell.
    const counted = channels.filter(isChannelName);
    for (let from = 0; from < counted.length; from += CHANNELS_PER_QUESTION) {
      asked.push(this.#options.control.summaries(app.id, counted.slice(from, from + CHANNELS_PER_QUESTION)));
    }
    const summaries = (await Promise.all(asked)).flatMap((each) => each.channels);
    return summaries.map((summary) => [summary.channel, shownCounts(summary, info)] as const);
  }
}

function readBody<T>(
  body: Uint8Array,
  app: App,
  read: (source: { value: unknown; limits: App["settings"]["limits"] }) => Result<T>,
): Result<T> {
  const parsed = parseJsonBody(body);
  return parsed.ok ? read({ value: parsed.value, limits: app.settings.limits }) : parsed;
}

function refusedAnswer(outcomes: readonly SendOutcome[], refusal: Refusal): HttpAnswer {
  const { message, isPartial } = explainRefusal(outcomes, refusal, "with idempotency keys");
  const results = isPartial ? { results: outcomes.map(describeOutcome) } : {};
  return answerRefusal(refuse(refusal.code, message), results);
}
