import type { Logger } from "@carillon/service";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";

/** What a WatchedExporter stands on. */
export interface WatchedExporterOptions {
  readonly exporter: SpanExporter;
  /** Hears that so many spans are sent, or given up. */
  readonly onSettled: (spans: number) => void;
  readonly log: Logger;
}

type Answer = Parameters<Parameters<SpanExporter["export"]>[1]>[0];

// `ExportResultCode.SUCCESS` of OpenTelemetry's core package, which nothing else is needed of.
const SUCCESS: Answer["code"] = 0;

const HINT =
  "publishes go on untraced; check tracing.endpoint (or OTEL_EXPORTER_OTLP_ENDPOINT), that a collector takes OTLP over HTTP there, and tracing.headers";

/** Counts what the collector takes, and tells the log when it begins to refuse and when it is back: once each. */
export class WatchedExporter implements SpanExporter {
  readonly #options: WatchedExporterOptions;
  #exported = 0;
  #failed = 0;
  #isFailing = false;

  constructor(options: WatchedExporterOptions) {
    this.#options = options;
  }

  get exported(): number {
    return this.#exported;
  }

  get failed(): number {
    return this.#failed;
  }

  export(spans: ReadableSpan[], answer: (result: Answer) => void): void {
    this.#options.exporter.export(spans, (result) => {
      this.#note(spans.length, result);
      answer(result);
    });
  }

  async forceFlush(): Promise<void> {
    await this.#options.exporter.forceFlush?.();
  }

  shutdown(): Promise<void> {
    return this.#options.exporter.shutdown();
  }

  #note(spans: number, { code, error }: Answer): void {
    const { log, onSettled } = this.#options;
    onSettled(spans);
    if (code === SUCCESS) {
      this.#exported += spans;
      if (this.#isFailing) log.info("traces_exported_again");
      this.#isFailing = false;
      return;
    }
    this.#failed += spans;
    if (!this.#isFailing) log.warn("traces_not_exported", { error, hint: HINT });
    this.#isFailing = true;
  }
}
