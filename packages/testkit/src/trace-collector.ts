import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A span as a collector got it. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** "" for one without. */
  readonly parentSpanId: string;
  readonly state: string;
  readonly name: string;
  readonly kind: "internal" | "server" | "client" | "producer" | "consumer";
  readonly isError: boolean;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Attributes of the process that it is of. */
  readonly resource: Readonly<Record<string, unknown>>;
}

/** What a collector does with a request: answers a status, or never answers. */
export type CollectorBehaviour = number | "hang";

/** OTLP's numbers begin at 1. */
const KINDS = ["internal", "server", "client", "producer", "consumer"] as const;
const STATUS_ERROR = 2;

/** A collector of traces: a real HTTP server that takes OTLP as JSON and keeps what it gets. */
export class TraceCollector {
  readonly spans: CollectedSpan[] = [];
  /** Path and headers of all requests, whatever became of them. */
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = [];
  behaviour: CollectorBehaviour = 200;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on("request", (incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        this.requests.push({ path: incoming.url ?? "", headers: incoming.headers });
        this.#take(Buffer.concat(chunks).toString(), response);
      });
    });
  }

  /** Listens on any free port of 127.0.0.1. */
  static async start(): Promise<TraceCollector> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    return new TraceCollector(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The spans of this name. */
  named(name: string): readonly CollectedSpan[] {
    return this.spans.filter((span) => span.name === name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(body: string, response: ServerResponse): void {
    if (this.behaviour === "hang") return;
    if (this.behaviour === 200) this.spans.push(...spansIn(JSON.parse(body) as TracesBody));
    response.writeHead(this.behaviour, { "content-type": "application/json" }).end("{}");
  }
}

interface Field {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface TracesBody {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Field[] };
    readonly scopeSpans: readonly { readonly spans: readonly WrittenSpan[] }[];
  }[];
}

interface WrittenSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly Field[];
  readonly status?: { readonly code?: number };
}

function spansIn({ resourceSpans }: TracesBody): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const process = valuesOf(resource.attributes);
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => readSpan(span, process)));
  });
}

function readSpan(span: WrittenSpan, resource: Readonly<Record<string, unknown>>): CollectedSpan {
  const { traceId, spanId, parentSpanId = "", traceState = "", name, kind, attributes = [], status } = span;
  return {
    traceId,
    spanId,
    parentSpanId,
    state: traceState,
    name,
    kind: KINDS[kind - 1] ?? "internal",
    isError: status?.code === STATUS_ERROR,
    startNs: BigInt(span.startTimeUnixNano),
    endNs: BigInt(span.endTimeUnixNano),
    attributes: valuesOf(attributes),
    resource,
  };
}

/** `{ "key": "a", "value": { "intValue": 1 } }` becomes `a: 1`. */
function valuesOf(fields: readonly Field[]): Record<string, unknown> {
  return Object.fromEntries(fields.map(({ key, value }) => [key, Object.values(value)[0]]));
}
