import { type Dashboard, line, NAMESPACE } from "./dashboard.ts";

const ALL = 'namespace=~"$namespace"';
const RATE = "[$__rate_interval]";

/**
 * NATS from both sides: what Carillon's processes see, and what nats-server tells through `prometheus-nats-exporter`
 * (`-varz -jsz=all`), which NATS's own chart runs beside it. Its names are the exporter's.
 */
export const nats: Dashboard = {
  uid: "carillon-nats",
  title: "Carillon / NATS",
  description: "NATS as Carillon sees it, and as prometheus-nats-exporter (-varz -jsz=all) tells it.",
  variables: [NAMESPACE],
  rows: [
    {
      title: "As Carillon sees it",
      panels: [
        {
          title: "Connected processes",
          description: "Processes whose connection stands, by role.",
          unit: "short",
          queries: [line("{{role}}", `sum by (role) (carillon_bus_connected{${ALL}})`)],
        },
        {
          title: "Breaks and returns",
          description:
            "Breaks of connections to NATS, and returns; moves off a server that shuts down are returns only.",
          unit: "short",
          queries: [
            line("breaks", `sum(increase(carillon_bus_disconnects_total{${ALL}}${RATE}))`),
            line("returns", `sum(increase(carillon_bus_reconnects_total{${ALL}}${RATE}))`),
            line("no permission", `sum(increase(carillon_bus_permission_refusals_total{${ALL}}${RATE}))`),
          ],
        },
        {
          title: "JetStream",
          description: "Processes that can keep and read histories, and have the list of blocks.",
          unit: "short",
          queries: [
            line("histories", `sum(carillon_history_available{${ALL}})`),
            line("blocks", `sum(carillon_blocks_available{${ALL}})`),
          ],
        },
        {
          title: "Until NATS has it, p99",
          description: "From an accepted publish to its confirmation.",
          unit: "s",
          queries: [
            line(
              "{{instance}}",
              `histogram_quantile(0.99, sum by (le, instance) (rate(carillon_publish_ack_seconds_bucket{${ALL}}${RATE})))`,
            ),
          ],
        },
        {
          title: "Not yet confirmed",
          description: "Bytes that were published and not confirmed, by process.",
          unit: "bytes",
          queries: [line("{{instance}}", `max by (instance) (carillon_bus_pending_bytes{${ALL}})`)],
        },
      ],
    },
    {
      title: "As its servers tell it",
      panels: [
        {
          title: "Messages",
          description: "In and out of each server, routes included.",
          unit: "ops",
          queries: [
            line("in {{server_id}}", `sum by (server_id) (rate(gnatsd_varz_in_msgs{${ALL}}${RATE}))`),
            line("out {{server_id}}", `sum by (server_id) (rate(gnatsd_varz_out_msgs{${ALL}}${RATE}))`),
          ],
        },
        {
          title: "Bytes",
          description: "In and out of each server.",
          unit: "Bps",
          queries: [
            line("in {{server_id}}", `sum by (server_id) (rate(gnatsd_varz_in_bytes{${ALL}}${RATE}))`),
            line("out {{server_id}}", `sum by (server_id) (rate(gnatsd_varz_out_bytes{${ALL}}${RATE}))`),
          ],
        },
        {
          title: "Connections and subscriptions",
          description:
            "Carillon has one connection a process, and about one subscription for each channel and gateway.",
          unit: "short",
          queries: [
            line("connections {{server_id}}", `sum by (server_id) (gnatsd_varz_connections{${ALL}})`),
            line("subscriptions {{server_id}}", `sum by (server_id) (gnatsd_varz_subscriptions{${ALL}})`),
          ],
        },
        {
          title: "Slow consumers",
          description: "Connections that NATS cut because they did not read fast enough: a gateway that is overloaded.",
          unit: "short",
          queries: [line("{{server_id}}", `sum by (server_id) (increase(gnatsd_varz_slow_consumers{${ALL}}${RATE}))`)],
        },
        {
          title: "Memory",
          description: "Resident memory of each server.",
          unit: "bytes",
          queries: [line("memory {{server_id}}", `sum by (server_id) (gnatsd_varz_mem{${ALL}})`)],
        },
        {
          title: "JetStream: storage",
          description: "Bytes on disk and in memory, and the room that there is.",
          unit: "bytes",
          queries: [
            line("disk {{server_id}}", `sum by (server_id) (gnatsd_varz_jetstream_stats_storage{${ALL}})`),
            line("memory {{server_id}}", `sum by (server_id) (gnatsd_varz_jetstream_stats_memory{${ALL}})`),
            line("room on disk {{server_id}}", `sum by (server_id) (gnatsd_varz_jetstream_config_max_storage{${ALL}})`),
          ],
        },
        {
          title: "JetStream: API",
          description: "Calls of JetStream's API, and those that failed.",
          unit: "ops",
          queries: [
            line("calls", `sum(rate(gnatsd_varz_jetstream_stats_api_total{${ALL}}${RATE}))`),
            line("errors", `sum(rate(gnatsd_varz_jetstream_stats_api_errors{${ALL}}${RATE}))`),
          ],
        },
        {
          title: "JetStream: messages kept",
          description: "Histories, idempotency keys, webhooks and blocks together.",
          unit: "short",
          queries: [line("{{server_id}}", `sum by (server_id) (jetstream_server_total_messages{${ALL}})`)],
        },
      ],
    },
  ],
};
