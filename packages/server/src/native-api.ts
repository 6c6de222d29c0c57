import { API_TOKEN_TYPE, ERROR_CODES } from "@carillon/protocol";
import { Answer } from "./answer.ts";
import { CarillonError, isErrorCode, type PartialResult } from "./carillon-error.ts";
import {
  type CallOptions,
  type HttpAnswer,
  type HttpTransport,
  retryAfterMsOf,
  unexpectedAnswer,
} from "./http-transport.ts";
import { signJwt } from "./jwt.ts";
import type { Settings } from "./options.ts";

/** A call of the native API. */
export interface NativeCall {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  /** Members that are undefined are left out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: object;
  /** True when it does no harm twice. Default: true. */
  readonly isRepeatable?: boolean;
  /** How long the answer may be held back on purpose, in ms; absent: not at all. */
  readonly answersAfterMs?: number | undefined;
  readonly options?: CallOptions | undefined;
}

/** How long an API token is good for: both clocks may differ by nearly as much. */
const API_TOKEN_SECONDS = 300;

/** Makes calls of the native HTTP API, with the publish secret or a token that the app's secret signs. */
export class NativeApi {
  readonly #settings: Settings;
  readonly #transport: HttpTransport;

  constructor(settings: Settings, transport: HttpTransport) {
    this.#settings = settings;
    this.#transport = transport;
  }

  /** Resolves with what a 2xx holds. Rejects with a {@link CarillonError}. */
  async call(call: NativeCall): Promise<Answer> {
    const { method, path, query = {}, body, isRepeatable = true, answersAfterMs, options } = call;
    const target = path + queryText(query);
    const { text } = await this.#transport.send({
      method,
      target: () => target,
      headers: () => this.#headers(body !== undefined),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      isRepeatable,
      answersAfterMs,
      refusalOf: (answer) => this.#refusalOf(answer, path),
      timeoutMs: options?.timeoutMs,
      signal: options?.signal,
    });
    return Answer.parse(text);
  }

  #headers(hasBody: boolean): Readonly<Record<string, string>> {
    const authorization = `Bearer ${this.#settings.publishSecret ?? this.#apiToken()}`;
    const common = { authorization, accept: "application/json", prefer: "return=representation" };
    return hasBody ? { ...common, "content-type": "application/json" } : common;
  }

  #apiToken(): string {
    const { appId, key, secret } = this.#settings;
    const exp = Math.floor(Date.now() / 1000) + API_TOKEN_SECONDS;
    return signJwt(secret, { typ: API_TOKEN_TYPE, kid: key }, { iss: appId, exp });
  }

  #refusalOf(answer: HttpAnswer, path: string): CarillonError {
    const { origin } = this.#settings;
    const problem = problemOf(answer.text);
    if (problem === null) return unexpectedAnswer(answer, origin);
    const { code, detail, results } = problem;
    const { status } = answer;
    const retryAfterMs = retryAfterMsOf(answer);
    const details = { status, results, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
    if (isErrorCode(code)) {
      return new CarillonError(code, detail + this.#hintOn(code, path), {
        ...details,
        isRetryable: ERROR_CODES[code].isRetryable,
      });
    }
    return new CarillonError("unexpected_answer", `${code}: ${detail}`, { ...details, isRetryable: status >= 500 });
  }

  /** What a caller of this SDK should know besides what the answer says. */
  #hintOn(code: string, path: string): string {
    if (code === "idempotency_unavailable") return " (with this SDK: trigger with { idempotent: false })";
    // A publisher has no publish that it doesn't find; a gateway has none at all.
    if (code === "not_found" && path.startsWith("/publish")) {
      const advice = "looks like a gateway's, which clients connect to: publishing goes to the publisher";
      return ` ("host", ${this.#settings.origin}, ${advice})`;
    }
    if (code !== "unauthorized") return "";
    const { appId, key, publishSecret } = this.#settings;
    if (publishSecret !== null) return " (CarillonServer shows the publishSecret that it was given)";
    const signer = `CarillonServer signs for app id "${appId}" and key "${key}" with its secret`;
    return ` (${signer}: compare all three with Carillon's configuration)`;
  }
}

/** A path whose parts may have any characters: `path\`/channels/${name}\``. */
export function path(parts: TemplateStringsArray, ...values: readonly string[]): string {
  return parts.reduce((whole, part, index) => whole + encodeURIComponent(values[index - 1] ?? "") + part);
}

function queryText(query: Readonly<Record<string, string | number | undefined>>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs)}`;
}

interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly results: readonly PartialResult[];
}

/** What a problem JSON says; null for any other text. */
function problemOf(text: string): Problem | null {
  try {
    const problem = Answer.parse(text);
    const results = problem.has("results") ? problem.list("results", partialResult) : [];
    return { code: problem.text("code"), detail: problem.text("detail"), results };
  } catch {
    // Something between here and there has answered.
    return null;
  }
}

function partialResult(result: Answer): PartialResult {
  return { id: result.textOrNull("id"), channels: result.texts("channels"), refused: result.texts("refused") };
}
