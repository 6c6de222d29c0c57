import { Agent as HttpAgent, type IncomingMessage, request as requestOverHttp } from "node:http";
import { Agent as HttpsAgent, request as requestOverHttps } from "node:https";
import type { WebhookEndpoint } from "@carillon/core";
import { AddressRefusedError, assertPublicHost, guardedLookup, type ResolveAll } from "./guarded-lookup.ts";
import type { WebhookRequest } from "./webhook-request.ts";

/** How an attempt ended. `delivered`: the endpoint answered 2xx. */
export const OUTCOMES = [
  "delivered",
  "redirect",
  "client_error",
  "server_error",
  "timeout",
  "connection",
  "address_refused",
] as const;

/** One of {@link OUTCOMES}. */
export type Outcome = (typeof OUTCOMES)[number];

/** An attempt and its end. */
export interface Attempt {
  readonly outcome: Outcome;
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** What went wrong, in a code or a few words; "" for a delivery. Never from the answer's body. */
  readonly reason: string;
}

/** What a WebhookSender stands on. */
export interface WebhookSenderOptions {
  /** From the first byte to the answer, in ms. */
  readonly timeoutMs: number;
  /** Resolves names; default: the system does. */
  readonly resolve?: ResolveAll;
}

/** Nobody reads an answer's body; more than this of it, and the connection is cut rather than read to the end. */
const MAX_ANSWER_BYTES = 65_536;

/** Idle connections are let go after this, in ms: shorter than what most servers wait. */
const KEEP_ALIVE_MS = 4000;

/**
 * Sends requests to endpoints. Follows no redirects, reads no bodies, and goes where it may only. How many are under way is its
 * caller's to bound: a bound for each host would let one endpoint take the connections of another.
 */
export class WebhookSender {
  readonly #options: WebhookSenderOptions;
  readonly #guarded: Agents;
  readonly #free: Agents;

  constructor(options: WebhookSenderOptions) {
    this.#options = options;
    const shared = { keepAlive: true, timeout: KEEP_ALIVE_MS };
    const guarded = { ...shared, lookup: guardedLookup(options.resolve) };
    this.#guarded = { http: new HttpAgent(guarded), https: new HttpsAgent(guarded) };
    this.#free = { http: new HttpAgent(shared), https: new HttpsAgent(shared) };
  }

  /** Sends one request, once; resolves when its connection is free again. Never rejects: what goes wrong is an outcome. */
  async send(endpoint: WebhookEndpoint, request: WebhookRequest): Promise<Attempt> {
    const signal = AbortSignal.timeout(this.#options.timeoutMs);
    try {
      return await this.#attempt(endpoint, request, signal);
    } catch (error) {
      return failureOf(error, signal);
    }
  }

  /** Lets go of idle connections. */
  close(): void {
    for (const { http, https } of [this.#guarded, this.#free]) {
      http.destroy();
      https.destroy();
    }
  }

  async #attempt(endpoint: WebhookEndpoint, request: WebhookRequest, signal: AbortSignal): Promise<Attempt> {
    const url = new URL(endpoint.url);
    if (!endpoint.allowPrivateNetwork) assertPublicHost(url);
    const agents = endpoint.allowPrivateNetwork ? this.#free : this.#guarded;
    const post = () => postTo(url, { request, agents, signal });
    try {
      return await readStatus(await post());
    } catch (error) {
      // The server ended an idle connection just when it was taken again: that says nothing about the endpoint.
      if (error instanceof StaleConnectionError) return await readStatus(await post());
      throw error;
    }
  }
}

interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

interface Post {
  readonly request: WebhookRequest;
  readonly agents: Agents;
  readonly signal: AbortSignal;
}

class StaleConnectionError extends Error {
  override readonly name = "StaleConnectionError";
}

function postTo(url: URL, { request, agents, signal }: Post): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const isSecure = url.protocol === "https:";
    const begin = isSecure ? requestOverHttps : requestOverHttp;
    const agent = isSecure ? agents.https : agents.http;
    const outgoing = begin(url, { method: "POST", headers: request.headers, agent, signal });
    outgoing.once("response", resolve);
    outgoing.once("error", (error: NodeJS.ErrnoException) => {
      const isStale = outgoing.reusedSocket && error.code === "ECONNRESET" && !signal.aborted;
      reject(isStale ? new StaleConnectionError("the connection had been closed", { cause: error }) : error);
    });
    // An answer that switches protocols is neither of these: the connection is closed without a word.
    outgoing.once("close", () => reject(new Error("the connection was closed without an answer")));
    outgoing.end(request.body);
  });
}

async function readStatus(answer: IncomingMessage): Promise<Attempt> {
  await discard(answer);
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return { outcome: "delivered", status, reason: "" };
  const reason = `status ${status}`;
  if (status >= 300 && status < 400) return { outcome: "redirect", status, reason };
  return { outcome: status >= 500 ? "server_error" : "client_error", status, reason };
}

/** Resolves when it is over, or was cut: at the latest when the request's time is. */
function discard(answer: IncomingMessage): Promise<void> {
  let bytes = 0;
  answer.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) answer.destroy();
  });
  // The status has been read; whatever happens to the rest changes nothing.
  answer.on("error", () => undefined);
  return new Promise((resolve) => answer.once("close", resolve));
}

function failureOf(error: unknown, signal: AbortSignal): Attempt {
  if (error instanceof AddressRefusedError) return { outcome: "address_refused", status: 0, reason: error.message };
  if (signal.aborted) return { outcome: "timeout", status: 0, reason: "no answer in time" };
  const code = (error as { code?: unknown } | null)?.code;
  return { outcome: "connection", status: 0, reason: typeof code === "string" ? code : "the connection failed" };
}
