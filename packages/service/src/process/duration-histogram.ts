import type { Metric } from "prom-client";
import type { HistogramSource } from "./metrics-registry.ts";

/** One line of a metric as prom-client's registry writes it out; its types leave `metricName` out. */
interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What prom-client's registry reads of a histogram. */
interface WrittenHistogram {
  readonly name: string;
  readonly help: string;
  readonly type: "histogram";
  readonly aggregator: "sum";
  readonly values: readonly Sample[];
}

/**
 * A histogram whose buckets are counted elsewhere. prom-client's own counts in itself, at about 190 ns an observation; this
 * one only knows how to show what somebody else has counted, when it is asked to.
 */
export class DurationHistogram {
  readonly name: string;
  readonly #source: HistogramSource;

  /** `name` is the full name, prefix included. */
  constructor(name: string, source: HistogramSource) {
    this.name = name;
    this.#source = source;
  }

  /** What prom-client writes out. */
  async get(): Promise<WrittenHistogram> {
    const { boundsSeconds, help, read } = this.#source;
    const { counts, sumSeconds } = read();
    const values: Sample[] = [];
    let cumulated = 0;
    for (const [index, bound] of [...boundsSeconds, "+Inf"].entries()) {
      cumulated += counts[index] ?? 0;
      values.push({ metricName: `${this.name}_bucket`, labels: { le: String(bound) }, value: cumulated });
    }
    values.push({ metricName: `${this.name}_sum`, labels: {}, value: sumSeconds });
    values.push({ metricName: `${this.name}_count`, labels: {}, value: cumulated });
    return { name: this.name, help, type: "histogram", aggregator: "sum", values };
  }

  /** The counts belong to somebody else: there is nothing to set back here. */
  reset(): void {
    // Part of what prom-client asks of a metric.
  }

  /** As prom-client's type of a metric, which names its own classes only. */
  asMetric(): Metric<string> {
    return this as unknown as Metric<string>;
  }
}
