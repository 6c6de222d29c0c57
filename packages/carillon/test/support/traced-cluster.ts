import { NativeClient, type TraceCollector } from "@carillon/testkit";
import { type RunningCarillon, startCarillon } from "carillon";

const ROLES = ["gateway", "gateway", "publisher"] as const;

export const SECRET = "guide-secret-of-the-tests";

/** What a test may want otherwise. */
export interface TracedOptions {
  /** Further settings of `tracing`. */
  readonly tracing?: object;
  /** Further settings of `nats`. */
  readonly nats?: object;
}

/** The settings of a process that traces, with what a test adds. */
export function settingsFor(collector: TraceCollector, { tracing = {}, nats = {} }: TracedOptions = {}): object {
  return {
    apps: [
      {
        id: "1001",
        key: "app-key",
        secrets: ["a-secret-of-the-tests"],
        publishSecret: SECRET,
        clientEvents: { enabled: true },
      },
    ],
    channels: [{ match: "kept-*", history: { messages: 100, maxAge: "1h" } }],
    gateway: { drain: { spreadSeconds: 0 } },
    tracing: { enabled: true, endpoint: collector.url, ...tracing },
    nats,
  };
}

/** Publishes over HTTP as an application does. Resolves with the status. */
export async function publish(url: string, body: object, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(`${url}/publish`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-publish-secret": SECRET, ...headers },
    body: JSON.stringify(body),
  });
  await response.arrayBuffer();
  return response.status;
}

/** Two gateways and a publisher that trace, on NATS, in this process. Ending it hands all spans over. */
export class TracedCluster implements AsyncDisposable {
  readonly #parts: readonly RunningCarillon[];

  private constructor(parts: readonly RunningCarillon[]) {
    this.#parts = parts;
  }

  static async start(nats: string, collector: TraceCollector, options: TracedOptions = {}): Promise<TracedCluster> {
    const settings = settingsFor(collector, options);
    const start = (role: (typeof ROLES)[number]) =>
      startCarillon({ role, nats, host: "127.0.0.1", port: 0, adminPort: 0, settings });
    return new TracedCluster(await Promise.all(ROLES.map(start)));
  }

  /** A client of each gateway that is subscribed. */
  async subscribers(channel: string): Promise<readonly NativeClient[]> {
    const gateways = this.#parts.slice(0, 2);
    const clients = await Promise.all(gateways.map(({ webSocketUrl }) => NativeClient.open(webSocketUrl)));
    await Promise.all(clients.map((client) => client.subscribe(channel)));
    return clients;
  }

  get publisherUrl(): string {
    return this.#parts[2]?.url ?? "";
  }

  get publisherAdminUrl(): string {
    return this.#parts[2]?.adminUrl ?? "";
  }

  async close(): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
