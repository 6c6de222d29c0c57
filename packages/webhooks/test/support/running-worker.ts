import { type AppSettings, MemoryWebhookQueue, type WebhookEndpoint, type WebhookEntry } from "@carillon/core";
import { ConfiguredApps, createLogger, type Logger, systemClock } from "@carillon/service";
import { testApp } from "@carillon/testkit/gateway";
import { type ResolveAll, type WebhookSettings, WebhookWorker } from "../../src/index.ts";

/** Short enough for tests, long enough for a busy machine. */
export const SETTINGS: WebhookSettings = {
  batch: { events: 10, bytes: 100_000, waitMs: 5 },
  retry: { firstMs: 20, maxMs: 100, horizonMs: 60_000 },
  concurrency: 4,
  timeoutMs: 5000,
  leaseMs: 2000,
};

export function endpointAt(url: string, changes: Partial<WebhookEndpoint> = {}): WebhookEndpoint {
  return {
    id: "endpoint",
    url,
    events: ["*"],
    channelPrefix: "",
    headers: {},
    allowPrivateNetwork: true,
    ...changes,
  };
}

/** An app whose only endpoint is this. */
export function appWith(...webhooks: readonly WebhookEndpoint[]): AppSettings {
  return testApp({ webhooks });
}

/** A client event, told to the endpoint of {@link endpointAt}. */
export function entry(id: string, channel = "private-c", queuedAtMs = Date.now()): WebhookEntry {
  const event = { name: "client_event", channel, event: "client-e", data: `data of ${id}`, socket_id: "1.2" } as const;
  return { id, appId: "1001", endpointId: "endpoint", queuedAtMs, event };
}

/** A log that a test can read. */
export function readableLog(): { readonly log: Logger; readonly text: () => string } {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  return {
    log: createLogger({ format: "json", level: "debug", role: "webhooks", destination }),
    text: () => lines.join(""),
  };
}

/** A real worker on an in-process queue. */
export class RunningWorker {
  readonly worker: WebhookWorker;
  readonly queue: MemoryWebhookQueue;
  readonly apps: ConfiguredApps;
  readonly log: () => string;

  constructor(
    app: AppSettings,
    options: { queue?: MemoryWebhookQueue; settings?: Partial<WebhookSettings>; resolve?: ResolveAll } = {},
  ) {
    const settings = { ...SETTINGS, ...options.settings };
    this.queue = options.queue ?? new MemoryWebhookQueue({ clock: systemClock, leaseMs: settings.leaseMs });
    this.apps = new ConfiguredApps({ settings: [app] });
    const { log, text } = readableLog();
    this.log = text;
    this.worker = new WebhookWorker({
      queue: this.queue,
      apps: this.apps,
      clock: systemClock,
      random: Math.random,
      log,
      settings,
      ...(options.resolve === undefined ? {} : { resolve: options.resolve }),
    });
    this.worker.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.stop();
  }
}
