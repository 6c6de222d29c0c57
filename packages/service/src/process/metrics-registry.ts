import type { NodeCounters } from "@carillon/core";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { COUNTER_METRICS, type CounterMetric } from "./counter-metrics.ts";
import { DurationHistogram } from "./duration-histogram.ts";

/** A value that may go up and down, read when the metrics are asked for. */
export interface GaugeSource {
  /** Without the prefix: `connections`. Lower case with `_`, base units, not ending in `_total`. */
  readonly name: string;
  readonly help: string;
  /** Must be cheap and must not throw. */
  readonly read: () => number;
}

/** Values that may go up and down, one for each value of a label. */
export interface LabelledGaugeSource extends Omit<GaugeSource, "read"> {
  /** Its values come from a closed set. */
  readonly label: string;
  readonly read: () => ReadonlyMap<string, number>;
}

/** A count that only grows, kept as plain numbers and read when the metrics are asked for. */
export interface CounterSource {
  /** Without the prefix, ending in `_total`. */
  readonly name: string;
  readonly help: string;
  /** The label under which the counts are shown. Its values come from a closed set. */
  readonly label: string;
  readonly read: () => ReadonlyMap<string | number, number>;
}

/** One count that only grows. */
export interface PlainCounterSource extends Omit<CounterSource, "label" | "read"> {
  readonly read: () => number;
}

/** Durations in buckets, kept as plain numbers and read when the metrics are asked for. */
export interface HistogramSource {
  /** Without the prefix, ending in `_seconds`. */
  readonly name: string;
  readonly help: string;
  /** Upper bounds of the buckets, rising. */
  readonly boundsSeconds: readonly number[];
  /** How many fell up to each bound and above the one before, one more for those beyond; and the sum of all, in seconds. */
  readonly read: () => { readonly counts: readonly number[]; readonly sumSeconds: number };
}

/** The gauges that Carillon's processes have in common. Give those that the process has. */
export interface NodeGauges {
  /** Open connections, by how their clients are reached. */
  readonly connections?: () => ReadonlyMap<string, number>;
  /** Channels that the node has interest in. */
  readonly channels?: () => number;
  /** Subscriptions: one for each connection and channel. */
  readonly subscriptions?: () => number;
  readonly isBusConnected?: () => boolean;
  /** Whether channels with a history can be published on and recovered; true where there are none. */
  readonly isHistoryAvailable?: () => boolean;
  readonly isDraining?: () => boolean;
}

/** What the metrics of a process are made of. */
export interface MetricsRegistryOptions {
  readonly counters: NodeCounters;
  /** Stands on each sample as the label `role`. */
  readonly role: string;
  readonly gauges?: NodeGauges;
  /**
   * False leaves out what describes the process and not the node (CPU, memory, open and allowed files, garbage collection,
   * event-loop lag): for a second node in one process. True when absent.
   */
  readonly includesProcessMetrics?: boolean;
}

/** The metrics of a process, in the text format of Prometheus. */
export interface MetricsRegistry {
  /** Adds a gauge. Throws when the name is taken or not fit. */
  gauge(source: GaugeSource | LabelledGaugeSource): void;
  /** Adds a counter. Throws when the name is taken or not fit. */
  counter(source: CounterSource | PlainCounterSource): void;
  /** Adds a histogram. Throws when the name is taken or not fit. */
  histogram(source: HistogramSource): void;
  /** Reads everything and writes it out. */
  render(): Promise<string>;
  /** Media type of what `render` gives. */
  readonly contentType: string;
}

/** Stands before each of Carillon's own names. */
const PREFIX = "carillon_";

const GAUGE_NAME = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;

/** Resolution of the event-loop lag, in milliseconds. Finer ones wake an idle process more often than they tell. */
const LOOP_LAG_RESOLUTION_MS = 20;

/** prom-client's own gauges that end in `_total`, which Prometheus's linter rejects; each has a sibling without it. */
const REJECTED = ["nodejs_active_handles_total", "nodejs_active_requests_total", "nodejs_active_resources_total"];

/** Makes the metrics of a process. Nothing is collected until `render` is called: the hot path only adds to plain numbers. */
export function createMetricsRegistry(options: MetricsRegistryOptions): MetricsRegistry {
  return new NodeMetrics(options);
}

class NodeMetrics implements MetricsRegistry {
  readonly #registry = new Registry();

  constructor(options: MetricsRegistryOptions) {
    this.#registry.setDefaultLabels({ role: options.role });
    if (options.includesProcessMetrics !== false) this.#addProcessMetrics();
    for (const key of Object.keys(COUNTER_METRICS) as (keyof NodeCounters)[]) {
      this.#addCounter(COUNTER_METRICS[key], () => options.counters[key]);
    }
    this.#addGauges(options.gauges ?? {});
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  gauge(source: GaugeSource | LabelledGaugeSource): void {
    if (!GAUGE_NAME.test(source.name) || source.name.endsWith("_total")) {
      throw new Error(
        `${source.name} isn't a gauge's name: use lower case with single underscores, not ending in _total.`,
      );
    }
    const about = { name: PREFIX + source.name, help: source.help, registers: [this.#registry] };
    if ("label" in source) {
      const { label, read } = source;
      new Gauge({
        ...about,
        labelNames: [label],
        collect() {
          this.reset();
          for (const [key, value] of read()) this.set({ [label]: key }, value);
        },
      });
      return;
    }
    const { read } = source;
    new Gauge({
      ...about,
      collect() {
        this.set(read());
      },
    });
  }

  counter(source: CounterSource | PlainCounterSource): void {
    assertName(source.name, "_total");
    this.#addCounter(source, source.read);
  }

  histogram(source: HistogramSource): void {
    assertName(source.name, "_seconds");
    this.#registry.registerMetric(new DurationHistogram(PREFIX + source.name, source).asMetric());
  }

  render(): Promise<string> {
    return this.#registry.metrics();
  }

  #addProcessMetrics(): void {
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: LOOP_LAG_RESOLUTION_MS });
    for (const name of REJECTED) this.#registry.removeSingleMetric(name);
  }

  #addCounter(metric: CounterMetric, read: () => number | ReadonlyMap<string | number, number>): void {
    const { label, labelValue = String, firstValues = [] } = metric;
    new Counter({
      name: PREFIX + metric.name,
      help: metric.help,
      labelNames: label === undefined ? [] : [label],
      registers: [this.#registry],
      collect() {
        this.reset();
        const counted = read();
        if (typeof counted === "number") this.inc(counted);
        if (typeof counted === "number" || label === undefined) return;
        for (const value of firstValues) this.inc({ [label]: value }, 0);
        for (const [key, count] of counted) this.inc({ [label]: labelValue(key) }, count);
      },
    });
  }

  #addGauges(gauges: NodeGauges): void {
    const { connections, channels, subscriptions, isBusConnected, isHistoryAvailable, isDraining } = gauges;
    if (connections !== undefined) {
      const help = "Connections that are open, by how their clients are reached.";
      this.gauge({ name: "connections", help, label: "transport", read: connections });
    }
    this.#addOptional("channels", "Channels that this node has interest in.", channels);
    this.#addOptional("subscriptions", "Subscriptions: one for each connection and channel.", subscriptions);
    this.#addOptional("bus_connected", "1 while the bus is reached, otherwise 0.", asNumber(isBusConnected));
    const historyHelp = "1 while histories can be kept and read, or no channel has one, otherwise 0.";
    this.#addOptional("history_available", historyHelp, asNumber(isHistoryAvailable));
    this.#addOptional("draining", "1 while the process is draining, otherwise 0.", asNumber(isDraining));
  }

  #addOptional(name: string, help: string, read: (() => number) | undefined): void {
    if (read !== undefined) this.gauge({ name, help, read });
  }
}

function assertName(name: string, ending: string): void {
  if (GAUGE_NAME.test(name) && name.endsWith(ending)) return;
  throw new Error(`${name} isn't a fit name: use lower case with single underscores, ending in ${ending}.`);
}

function asNumber(read: (() => boolean) | undefined): (() => number) | undefined {
  return read === undefined ? undefined : () => (read() ? 1 : 0);
}
