import { PUSHER_APP } from "../generator/publish-apis/pusher.ts";

/** What Centrifugo's server API asks for. */
export const CENTRIFUGO_API_KEY = "api-key";

/** The app key that clients of soketi name. */
export const SOKETI_APP_KEY = PUSHER_APP.key;

/**
 * Centrifugo's configuration: anybody may connect and subscribe, as with the baselines; everything else is its default, so no
 * compression and no history. `natsUrl`: its broker; null: it keeps everything to itself.
 */
export function centrifugoConfig(port: number, natsUrl: string | null): string {
  return JSON.stringify({
    http_server: { address: "127.0.0.1", port: String(port) },
    client: { allowed_origins: ["*"], allow_anonymous_connect_without_token: true },
    channel: { without_namespace: { allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true } },
    http_api: { key: CENTRIFUGO_API_KEY },
    ...(natsUrl === null ? {} : { broker: { enabled: true, type: "nats", nats: { url: natsUrl } } }),
  });
}

/** soketi's configuration: one app without limits, in one process; no time for draining, as nobody is left to be told. */
export function soketiConfig(port: number, metricsPort: number): string {
  return JSON.stringify({
    host: "127.0.0.1",
    port,
    metrics: { enabled: false, host: "127.0.0.1", port: metricsPort },
    shutdownGracePeriod: 0,
    "appManager.array.apps": [{ ...PUSHER_APP, maxConnections: -1, maxBackendEventsPerSecond: -1 }],
  });
}
