import type { Logger } from "../process/logger.ts";
import { checkAnswer, writeAnswer, writeHead } from "./answer-writer.ts";
import { BodyReader } from "./body-reader.ts";
import type { ClientAddresses } from "./client-address.ts";
import type { AnyAnswer, BodyResult, HttpAnswer, HttpHandler, HttpRequest, StreamedAnswer } from "./http-types.ts";
import type { LeavingProxies } from "./leaving-proxies.ts";
import type { Expirable, PendingExchanges } from "./pending-exchanges.ts";
import { problem } from "./problem.ts";
import type { UwsRequest, UwsResponse } from "./uws.ts";
import { UwsStream } from "./uws-stream.ts";

/** What all exchanges of a server share. */
export interface ExchangeHost {
  readonly log: Logger;
  readonly pending: PendingExchanges;
  readonly addresses: ClientAddresses;
  readonly leavingProxies: LeavingProxies;
  /** True once no more connections are accepted: whoever is answered shall make the next call elsewhere. */
  readonly isEnding: () => boolean;
}

/** What is known of a request before anything of it is read. */
export interface ExchangeTarget {
  /** In upper case. */
  readonly method: string;
  /** The whole path, or null when the route has parameters and it must be read from the request. */
  readonly fixedPath: string | null;
  /** Headers to copy, in lower case. */
  readonly headerNames: readonly string[];
}

const NO_HEADERS: readonly string[] = [];

/**
 * One request and its answer: the only holder of uWebSockets.js's two objects, of which it lets go the moment they end.
 * Whatever happens in between, it answers exactly once, or not at all when the client is gone.
 */
export class Exchange implements HttpRequest, Expirable {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly startedTick: number;
  readonly #host: ExchangeHost;
  readonly #headerNames: readonly string[];
  readonly #headerValues: readonly string[];
  /** null once answered or aborted. */
  #response: UwsResponse | null;
  /** null once the handler's synchronous part is over. */
  #request: UwsRequest | null;
  #body: BodyReader | null = null;
  #abortListener: (() => void) | null = null;
  /** Where the answer goes on. */
  #stream: UwsStream | null = null;
  #remoteAddress: string | null = null;

  constructor(host: ExchangeHost, target: ExchangeTarget, response: UwsResponse, request: UwsRequest) {
    this.#host = host;
    this.#response = response;
    this.#request = request;
    this.startedTick = host.pending.tick;
    this.method = target.method;
    this.path = target.fixedPath ?? request.getUrl();
    this.query = request.getQuery() ?? "";
    this.#headerNames = target.headerNames;
    this.#headerValues = copyHeaders(request, target.headerNames);
    if (host.addresses.isEager) this.#remoteAddress = host.addresses.of(response, request);
  }

  get remoteAddress(): string {
    if (this.#remoteAddress === null) {
      if (this.#response === null) return "";
      this.#remoteAddress = this.#host.addresses.ofSocket(this.#response);
    }
    return this.#remoteAddress;
  }

  get peerAddress(): string {
    return this.#response === null ? "" : this.#host.addresses.ofSocket(this.#response);
  }

  header(name: string): string {
    return this.#headerValues[this.#headerNames.indexOf(name)] ?? "";
  }

  body(limitBytes: number): Promise<BodyResult> {
    if (this.#body !== null) throw new Error("body() was called twice for one request.");
    const body = new BodyReader(limitBytes);
    this.#body = body;
    if (this.#response === null) {
      body.abort();
    } else if (this.#request === null) {
      // The body may have arrived with the head, and be gone.
      throw new Error("body() must be called before a handler awaits anything.");
    } else if (Number(this.#request.getHeader("content-length")) > limitBytes) {
      body.refuse();
    } else {
      this.#response.onAborted(() => this.#onAborted());
      this.#response.onData((chunk, isLast) => body.take(chunk, isLast));
    }
    return body.result;
  }

  onAborted(listener: () => void): void {
    this.#abortListener = listener;
  }

  /** Lets the handler answer. Never throws: uWebSockets.js would end the process. */
  run(handle: HttpHandler): void {
    let outcome: AnyAnswer | Promise<AnyAnswer>;
    try {
      outcome = handle(this);
    } catch (error) {
      this.#request = null;
      this.#fail(error);
      return;
    }
    this.#request = null;
    if (!isPromise(outcome)) {
      this.#answer(outcome);
      return;
    }
    // A body read has registered this already. Nothing can abort between the head and the end of this call.
    if (this.#body === null || !this.#body.isReading) this.#response?.onAborted(() => this.#onAborted());
    this.#host.pending.add(this);
    outcome.then(
      (answer) => this.#answer(answer),
      (error: unknown) => this.#fail(error),
    );
  }

  expire(): void {
    if (this.#body?.isReading === true) {
      this.#write({ ...problem("request_timeout", "Send the body faster."), closesConnection: true });
      this.#body.abort();
      return;
    }
    this.#host.log.error("http_handler_timeout", { method: this.method, path: this.path });
    this.#write(problem("internal_error", "The request took too long. Trying again may help."));
  }

  #answer(answer: AnyAnswer): void {
    // Checked even when nobody is left to answer, so that a handler's fault doesn't hide behind a client that left.
    try {
      checkAnswer(answer);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if ("open" in answer) this.#writeStream(answer);
    else this.#write(answer);
  }

  #fail(error: unknown): void {
    const { method, path, remoteAddress } = this;
    this.#host.log.error("http_handler_failed", { method, path, remoteAddress, error });
    this.#write(problem("internal_error", "This is a fault of the server; its log says more."));
  }

  #write(answer: HttpAnswer): void {
    const response = this.#response;
    if (response === null) return;
    const { leavingProxies, isEnding } = this.#host;
    const isLeaving = isEnding() || (!leavingProxies.isEmpty && leavingProxies.has(this.peerAddress));
    this.#response = null;
    this.#host.pending.delete(this);
    const mode = { isHead: this.method === "HEAD", closesConnection: this.#body?.isTooLarge === true || isLeaving };
    try {
      response.cork(() => writeAnswer(response, answer, mode));
    } catch (error) {
      this.#host.log.error("http_answer_failed", { method: this.method, path: this.path, error });
      response.close();
    }
  }

  #writeStream(answer: StreamedAnswer): void {
    const response = this.#response;
    if (response === null) return;
    if (this.method === "HEAD") {
      this.#write({ status: answer.status, ...(answer.headers === undefined ? {} : { headers: answer.headers }) });
      return;
    }
    this.#response = null;
    this.#host.pending.delete(this);
    const stream = new UwsStream(this.#host.log, response);
    this.#stream = stream;
    response.onAborted(() => this.#onAborted());
    response.cork(() => {
      writeHead(response, answer);
      stream.opened(answer.open);
    });
  }

  #onAborted(): void {
    const wasAnswered = this.#response === null;
    this.#response = null;
    this.#host.pending.delete(this);
    this.#body?.abort();
    if (this.#stream !== null) this.#stream.aborted();
    else if (!wasAnswered) this.#abortListener?.();
  }
}

function copyHeaders(request: UwsRequest, names: readonly string[]): readonly string[] {
  if (names.length === 0) return NO_HEADERS;
  const values: string[] = [];
  for (const name of names) values.push(request.getHeader(name));
  return values;
}

function isPromise(outcome: AnyAnswer | Promise<AnyAnswer>): outcome is Promise<AnyAnswer> {
  return typeof outcome === "object" && outcome !== null && "then" in outcome;
}
