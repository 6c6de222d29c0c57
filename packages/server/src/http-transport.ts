import { CarillonError } from "./carillon-error.ts";
import { Deadline } from "./deadline.ts";
import { invalid } from "./ids.ts";
import type { Settings } from "./options.ts";
import { retryDelayMs } from "./retry.ts";

/** What may differ from call to call. */
export interface CallOptions {
  /** How long the call may take with all of its repeats, in ms; absent: as the CarillonServer was told. */
  readonly timeoutMs?: number | undefined;
  /** Ends the call: it rejects with the code `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/** An answer, read. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A request that may be made several times. */
export interface HttpCall extends CallOptions {
  readonly method: "GET" | "POST" | "DELETE";
  /** Path and query. Made anew for each attempt, since signatures have a time. */
  readonly target: () => string;
  readonly headers: () => Readonly<Record<string, string>>;
  readonly body?: string;
  /** True when it does no harm twice. */
  readonly isRepeatable: boolean;
  /** How long the answer may be held back on purpose, in ms; absent: not at all. */
  readonly answersAfterMs?: number | undefined;
  /** What an answer that is no 2xx means. */
  readonly refusalOf: (answer: HttpAnswer) => CarillonError;
}

// Some frameworks keep the answers of GETs. Some platforms refuse the setting that forbids it, and don't have the member then.
const NO_STORE: RequestInit =
  typeof Request === "function" && "cache" in Request.prototype ? { cache: "no-store" } : {};

/**
 * An attempt that is left without an answer for half of the time is given up and made again: a machine that vanishes leaves connections
 * behind on which nothing ever comes. But not sooner than this, in ms, since a publisher may wait as long for NATS.
 */
const SHORTEST_ATTEMPT_MS = 5_000;

/** Makes HTTP calls, and makes those again that are safe to repeat, until the time is up. */
export class HttpTransport {
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Resolves with a 2xx. Rejects with a {@link CarillonError}, and nothing else. */
  async send(call: HttpCall): Promise<HttpAnswer> {
    const { maxRetries } = this.#settings;
    const timeoutMs = call.timeoutMs ?? this.#settings.timeoutMs;
    if (typeof timeoutMs !== "number" || !(timeoutMs > 0)) invalid('"timeoutMs" must be a number of ms above 0');
    const deadline = new Deadline({ timeoutMs, signal: call.signal });
    try {
      for (let retries = 0; ; retries++) {
        const { isRepeatable, answersAfterMs = 0 } = call;
        const halfMs = (deadline.remainingMs + answersAfterMs) / 2;
        const isLast = !isRepeatable || retries >= maxRetries;
        const attemptMs = isLast ? Number.POSITIVE_INFINITY : Math.max(halfMs, SHORTEST_ATTEMPT_MS);
        const outcome = await this.#attempt(call, deadline, attemptMs);
        if (!(outcome instanceof CarillonError)) return outcome;
        const { remainingMs } = deadline;
        const delayMs = retryDelayMs({
          error: outcome,
          isRepeatable,
          retries,
          maxRetries,
          remainingMs,
          random: Math.random,
        });
        if (delayMs === null) throw outcome;
        await deadline.wait(delayMs);
        if (deadline.signal.aborted) throw deadline.error(outcome) ?? outcome;
      }
    } finally {
      deadline.end();
    }
  }

  async #attempt(call: HttpCall, deadline: Deadline, timeoutMs: number): Promise<HttpAnswer | CarillonError> {
    const { fetch, origin } = this.#settings;
    if (deadline.signal.aborted) return deadline.error() ?? broken(origin, undefined);
    // Outside of what follows: what the caller got wrong is not the network's fault.
    const [url, headers] = [origin + call.target(), call.headers()];
    const attempt = new Deadline({ timeoutMs, signal: deadline.signal });
    try {
      const response = await fetch(url, {
        method: call.method,
        headers,
        signal: attempt.signal,
        // A redirect would take signatures and events to another place.
        redirect: "manual",
        ...NO_STORE,
        ...(call.body === undefined ? {} : { body: call.body }),
      });
      const answer = { status: response.status, headers: response.headers, text: await response.text() };
      return response.ok ? answer : call.refusalOf(answer);
    } catch (cause) {
      return deadline.error(cause) ?? attempt.error(cause) ?? broken(origin, cause);
    } finally {
      attempt.end();
    }
  }
}

function broken(origin: string, cause: unknown): CarillonError {
  const reason = reasonOf(cause);
  const advice = 'check "host", and that the publish API is up and can be reached from here';
  return new CarillonError("unreachable", `${origin} can't be reached${reason}: ${advice}`, { cause });
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return "";
  const inner = cause.cause instanceof Error && cause.cause.message !== "" ? `, ${cause.cause.message}` : "";
  return ` (${cause.message}${inner})`;
}

/** How long an answer asks to wait, in ms; undefined when it does not. */
export function retryAfterMsOf({ headers }: HttpAnswer): number | undefined {
  const text = headers.get("retry-after");
  if (text === null) return undefined;
  const waitMs = /^\d{1,6}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(waitMs) ? undefined : Math.max(waitMs, 0);
}

/** An answer that is none of Carillon's. */
export function unexpectedAnswer({ status, headers }: HttpAnswer, origin: string): CarillonError {
  const location = headers.get("location");
  const isRedirect = status >= 300 && status < 400 && location !== null;
  const type = headers.get("content-type") ?? "no content type";
  const found = isRedirect ? `redirects (${status}) to ${location.split("?", 1)[0]}` : `answered ${status} (${type})`;
  const advice = isRedirect
    ? 'give the place that it leads to as "host"'
    : 'check that "host" is the publish API, and what stands between here and there';
  return new CarillonError("unexpected_answer", `${origin} ${found}, which is not an answer of Carillon's: ${advice}`, {
    status,
    isRetryable: status === 408 || status === 429 || status === 502 || status === 503 || status === 504,
  });
}
