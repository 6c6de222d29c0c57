import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { HttpAnswer, ListenAddress } from "../http/http-types.ts";
import { listenError } from "../http/listen-error.ts";
import { problem } from "../http/problem.ts";
import type { Logger } from "./logger.ts";
import type { MetricsRegistry } from "./metrics-registry.ts";

/** What the admin server tells. */
export interface AdminServerOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly metrics: MetricsRegistry;
  /** Why the process should get no new clients, as sentences for an operator; none when it should. Must be cheap. */
  readonly reasonsNotReady: () => readonly string[];
  /** What does not work although the process is ready, as sentences; for what no other process could do better. Must be cheap. */
  readonly degradations?: () => readonly string[];
  readonly log: Logger;
}

/** The server for orchestrators and monitoring, on a port of its own that stays inside the cluster. */
export interface AdminServer {
  /** Resolves with the real address. Rejects with PortInUseError or ListenError. */
  listen(): Promise<ListenAddress>;
  /** Ends every connection. Idempotent. */
  close(): Promise<void>;
}

/** What the admin server serves. */
export const ADMIN_PATHS = ["/healthz", "/readyz", "/metrics"] as const;

function isAdminPath(path: string | undefined): path is (typeof ADMIN_PATHS)[number] {
  return ADMIN_PATHS.some((each) => each === path);
}

/** What a probe or a scraper may take to send its head. Milliseconds. */
const HEAD_TIMEOUT_MS = 10_000;

/**
 * Makes the admin server. `GET /healthz` answers 200 while the event loop turns; `GET /readyz` 200, or 503 with
 * `{"ready":false,"reasons":[…]}`, both with `degraded` when something does not work that others could not do better; `GET /metrics` the metrics in Prometheus's text format.
 */
export function createAdminServer(options: AdminServerOptions): AdminServer {
  return new NodeAdminServer(options);
}

class NodeAdminServer implements AdminServer {
  readonly #options: AdminServerOptions;
  readonly #server: Server;

  constructor(options: AdminServerOptions) {
    this.#options = options;
    this.#server = createServer(
      { headersTimeout: HEAD_TIMEOUT_MS, requestTimeout: HEAD_TIMEOUT_MS },
      (request, response) => {
        void this.#respond(request, response);
      },
    );
  }

  listen(): Promise<ListenAddress> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once("error", (error: NodeJS.ErrnoException) => {
        reject(listenError({ host, port }, error.code ?? "UNKNOWN"));
      });
      this.#server.listen({ host, port, exclusive: true }, () => {
        const address = this.#server.address();
        resolve({ host, port: typeof address === "object" && address !== null ? address.port : port });
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      // Also called when it wasn't listening (any more), with an error that changes nothing.
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: HttpAnswer;
    try {
      answer = await this.#answer(request);
    } catch (error) {
      this.#options.log.error("admin_request_failed", { error });
      answer = problem("internal_error", "This is a fault of the server; its log says more.");
    }
    response.writeHead(answer.status, { "cache-control": "no-store", ...answer.headers });
    // Node leaves the body out in answer to a HEAD.
    response.end(answer.body);
  }

  async #answer(request: IncomingMessage): Promise<HttpAnswer> {
    const path = (request.url ?? "").split("?", 1)[0];
    if (!isAdminPath(path)) return problem("not_found", `This port serves ${ADMIN_PATHS.join(", ")}.`);
    if (request.method !== "GET" && request.method !== "HEAD") {
      return problem("method_not_allowed", "This address answers GET, HEAD.", { allow: "GET, HEAD" });
    }
    switch (path) {
      case "/healthz":
        return json(200, { alive: true });
      case "/readyz":
        return this.#readiness();
      case "/metrics":
        return {
          status: 200,
          headers: { "content-type": this.#options.metrics.contentType },
          body: await this.#options.metrics.render(),
        };
      default:
        return path satisfies never;
    }
  }

  #readiness(): HttpAnswer {
    const reasons = this.#options.reasonsNotReady();
    const degraded = this.#options.degradations?.() ?? [];
    return json(reasons.length === 0 ? 200 : 503, {
      ready: reasons.length === 0,
      reasons,
      ...(degraded.length === 0 ? {} : { degraded }),
    });
  }
}

function json(status: number, body: object): HttpAnswer {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}
