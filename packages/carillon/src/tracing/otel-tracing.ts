import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { version } from "../cli/version.ts";
import { BoundedProcessor, MAX_WAITING_SPANS } from "./bounded-processor.ts";
import { OtelTracer } from "./otel-tracer.ts";
import type { TraceCounters, Tracing, TracingOptions } from "./tracing.ts";
import { WatchedExporter } from "./watched-exporter.ts";

/** How long a collector may hold up the end of a process, in ms. */
const CLOSE_WITHIN_MS = 2000;

/** Where OTLP over HTTP takes traces, below a collector's origin. */
const TRACES_PATH = "v1/traces";

/**
 * How long one batch is tried, in ms, unless a variable of OpenTelemetry says otherwise. It is the longest that a timer of the exporter
 * keeps an ending process alive: its own default is ten seconds.
 */
const EXPORT_TIMEOUT_MS = 2000;
const TIMEOUT_VARIABLES = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"] as const;

/**
 * Traces by OpenTelemetry, sent to a collector in batches by OTLP over HTTP. Nothing of it is global: an application that Carillon
 * runs inside of has its own.
 */
export class OtelTracing implements Tracing {
  readonly tracer: OtelTracer;
  readonly #provider: TracerProvider;
  readonly #processor: BoundedProcessor;
  readonly #exporter: WatchedExporter;

  constructor(options: TracingOptions) {
    const { config, log, nodeId } = options;
    const waiting = () => this.#processor;
    this.#exporter = new WatchedExporter({
      exporter: new OTLPTraceExporter(exporterSettings(options)),
      onSettled: (spans) => waiting().settled(spans),
      log,
    });
    const batches = new BatchSpanProcessor({ exporter: this.#exporter, maxQueueSize: MAX_WAITING_SPANS });
    this.#processor = new BoundedProcessor(batches);
    this.#provider = new TracerProvider({
      resource: resourceOf(options),
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(config.sampleRatio) }),
      spanProcessors: [this.#processor],
    });
    this.tracer = new OtelTracer({
      tracer: this.#provider.getTracer("carillon", version()),
      beginsTraces: config.sampleRatio > 0,
      channelNames: config.channelNames,
      nodeId,
    });
  }

  get counters(): TraceCounters {
    const { exported, failed } = this.#exporter;
    return { exported, failed, dropped: this.#processor.dropped };
  }

  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_WITHIN_MS);
    });
    // What the collector doesn't take has been told by the exporter already.
    const flushed = this.#provider.shutdown().catch(() => undefined);
    await Promise.race([flushed, late]);
    clearTimeout(timer);
  }
}

/** What is absent here comes from OpenTelemetry's own variables, or is its default. */
function exporterSettings({ config }: TracingOptions) {
  const { endpoint, headers } = config;
  const hasTimeout = TIMEOUT_VARIABLES.some((name) => (process.env[name] ?? "") !== "");
  return {
    ...(endpoint === null ? {} : { url: tracesUrl(endpoint) }),
    ...(Object.keys(headers).length === 0 ? {} : { headers: { ...headers } }),
    ...(hasTimeout ? {} : { timeoutMillis: EXPORT_TIMEOUT_MS }),
  };
}

/** `http://collector:4318` and `http://collector:4318/v1/traces` mean the same. */
function tracesUrl(endpoint: string): string {
  const base = endpoint.replace(/\/+$/, "");
  return base.endsWith(`/${TRACES_PATH}`) ? base : `${base}/${TRACES_PATH}`;
}

/** Who the spans are of. `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win. */
function resourceOf({ role, nodeId }: TracingOptions): Resource {
  const own = resourceFromAttributes({
    "service.name": `carillon-${role}`,
    "service.version": version(),
    "service.instance.id": nodeId,
  });
  return defaultResource()
    .merge(own)
    .merge(detectResources({ detectors: [envDetector] }));
}
