import type { App, ClusterControl } from "@carillon/core";
import { accept, type Refusal, type Result } from "@carillon/protocol";
import { type HttpAnswer, type HttpRequest, problem } from "@carillon/service";
import type { CallerCheck } from "./caller-check.ts";
import type { EventSender, SendOutcome } from "./event-sender.ts";
import { parseJsonBody } from "./json-body.ts";
import { checkMediaType } from "./media-type.ts";
import { answerOutcomes, prefersRepresentation } from "./outcome-answer.ts";
import type { PublishBudgets } from "./publish-budgets.ts";
import type { PublishRequest } from "./publish-request.ts";
import type { PublishRoute } from "./publish-routes.ts";
import { inTrace, traceOf } from "./trace-headers.ts";

/** What a PublishHandler stands on. */
export interface PublishHandlerOptions {
  readonly callers: CallerCheck;
  readonly budgets: PublishBudgets;
  readonly sender: EventSender;
  /** Collects receipts. */
  readonly control: ClusterControl;
  /** Longest request body, in bytes. */
  readonly maxBodyBytes: number;
  /** True: calls may be parts of traces. */
  readonly isTraced: boolean;
}

/** A call that may publish, if its body is right. */
interface Call {
  readonly request: HttpRequest;
  readonly route: PublishRoute;
  readonly app: App;
}

/** Turns one call into events on the bus and an answer: credentials, body, checks, budget, bus, in this order. */
export class PublishHandler {
  readonly #options: PublishHandlerOptions;

  constructor(options: PublishHandlerOptions) {
    this.#options = options;
  }

  /** Answers a call. Refusals are answers; only bugs reject. */
  answer(request: HttpRequest, route: PublishRoute): HttpAnswer | Promise<HttpAnswer> {
    const { callers, maxBodyBytes } = this.#options;
    const caller = callers.check(request);
    if (!caller.ok) return caller.answer;
    const admitted = checkMediaType(request.header("content-type"));
    if (!admitted.ok) return refusalAnswer(admitted);
    return request.body(maxBodyBytes).then((body) => {
      if (body.kind !== "complete") return bodyAnswer(body.kind, maxBodyBytes);
      return this.#publish({ request, route, app: caller.app }, body.bytes);
    });
  }

  #publish(call: Call, bytes: Uint8Array): HttpAnswer | Promise<HttpAnswer> {
    const { request, route, app } = call;
    const { budgets, isTraced, sender } = this.#options;
    const read = readBody(bytes, route, app);
    if (!read.ok) return refusalAnswer(read);
    const requests = isTraced ? inTrace(read.value, traceOf(request)) : read.value;
    const limited = budgets.spend(app, requests);
    if (limited !== null) return problem("rate_limited", limited.message, { "retry-after": limited.retryAfter });

    const [only] = requests;
    const isDetailed = only?.receiptsMs !== 0 || prefersRepresentation(request.header("prefer"));
    const form = { isDetailed, isBatch: route.isBatch };
    if (only !== undefined && requests.length === 1) {
      return this.#sendOne(app, only).then((outcome) => answerOutcomes([outcome], form));
    }
    return Promise.all(requests.map((each) => sender.send(app.id, each))).then((all) => answerOutcomes(all, form));
  }

  #sendOne(app: App, request: PublishRequest): Promise<SendOutcome> {
    const { sender, control } = this.#options;
    return request.receiptsMs === 0 ? sender.send(app.id, request) : sender.sendForReceipts(app.id, request, control);
  }
}

function readBody(bytes: Uint8Array, route: PublishRoute, app: App): Result<readonly PublishRequest[]> {
  const plain = route.readPlain?.(bytes, app.settings.limits) ?? null;
  if (plain !== null) return accept(plain);
  const parsed = parseJsonBody(bytes);
  if (!parsed.ok) return parsed;
  return route.read({ value: parsed.value, bytes, limits: app.settings.limits });
}

function refusalAnswer({ code, message }: Refusal): HttpAnswer {
  return problem(code, message);
}

function bodyAnswer(kind: "too_large" | "aborted", maxBodyBytes: number): HttpAnswer {
  // Nobody hears this one: it is counted, and closes what is left of the connection.
  if (kind === "aborted") return { ...problem("request_timeout", "the body did not arrive"), closesConnection: true };
  const limit = `${maxBodyBytes} bytes (publisher.maxBodyBytes)`;
  return {
    ...problem("message_too_large", `the body is larger than ${limit}: publish less, or split the batch`),
    closesConnection: true,
  };
}
