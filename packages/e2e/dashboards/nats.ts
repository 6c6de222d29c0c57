import { type Dashboard, NAMESPACE, type Variable } from "./dashboard.ts";
import { ALL, line, RATE, rise, total } from "./expressions.ts";
import { unconfirmed } from "./shared-panels.ts";

/** NATS may be in a namespace of its own. */
const NATS_NAMESPACE: Variable = {
  name: "nats_namespace",
  label: "NATS's namespace",
  query: 'label_values({__name__=~"(gnatsd|nats)_varz_connections"}, namespace)',
};
const SERVERS = 'namespace=~"$nats_namespace"';

/** A number of `/varz`. The exporter's names begin with gnatsd; with nats as NATS's own chart runs it. */
const varz = (path: string) => `{__name__=~"(gnatsd|nats)_varz_${path}",${SERVERS}}`;
const varzRate = (path: string) => `rate(${varz(path)}${RATE})`;

/** One series for each server, called by the beginning of its id: without the chart's name for it, that is a long random text. */
const named = (expr: string) => `label_replace(${expr}, "server", "$1", "server_id", "(?:https?://)?(.{1,16}).*")`;
const sumByServer = (expr: string) => `sum by (server_id) (${expr})`;
const byServer = (legend: string, expr: string) => line(`${legend} {{server}}`.trim(), named(sumByServer(expr)));

/**
 * NATS from both sides: what Carillon's processes see, and what nats-server tells through `prometheus-nats-exporter`
 * (`-varz -jsz=all`), which NATS's own chart runs beside it.
 */
export const nats: Dashboard = {
  uid: "carillon-nats",
  title: "Carillon / NATS",
  description: "NATS as Carillon sees it, and as prometheus-nats-exporter (-varz -jsz=all) tells it.",
  variables: [NAMESPACE, NATS_NAMESPACE],
  rows: [
    {
      title: "As Carillon sees it",
      panels: [
        {
          title: "Connected processes",
          description: "Processes whose connection stands, by role.",
          unit: "short",
          queries: [line("{{role}}", total("carillon_bus_connected", ALL, "role"))],
        },
        {
          title: "Breaks and returns",
          description:
            "Breaks of connections to NATS, and returns; moves off a server that shuts down are returns only.",
          unit: "short",
          queries: [
            line("breaks", rise("carillon_bus_disconnects_total", ALL)),
            line("returns", rise("carillon_bus_reconnects_total", ALL)),
            line("no permission", rise("carillon_bus_permission_refusals_total", ALL)),
          ],
        },
        {
          title: "JetStream",
          description: "Processes that can keep and read histories, and have the list of blocks.",
          unit: "short",
          queries: [
            line("histories", total("carillon_history_available", ALL)),
            line("blocks", total("carillon_blocks_available", ALL)),
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
        unconfirmed(ALL),
      ],
    },
    {
      title: "As its servers tell it",
      panels: [
        {
          title: "Messages in",
          description: "Into each server, routes included.",
          unit: "ops",
          queries: [byServer("", varzRate("in_msgs"))],
        },
        {
          title: "Messages out",
          description:
            "Out of each server, routes included: far more than come in, as each gateway that wants one gets it.",
          unit: "ops",
          queries: [byServer("", varzRate("out_msgs"))],
        },
        {
          title: "Bytes",
          description: "In and out of each server, routes included.",
          unit: "Bps",
          queries: [byServer("in", varzRate("in_bytes")), byServer("out", varzRate("out_bytes"))],
        },
        {
          title: "Connections",
          description: "Carillon has one connection a process.",
          unit: "short",
          isStacked: true,
          queries: [byServer("", varz("connections"))],
        },
        {
          title: "Subscriptions",
          description: "About one for each channel and gateway; each server of a cluster knows all of them.",
          unit: "short",
          queries: [byServer("", varz("subscriptions"))],
        },
        {
          title: "Slow consumers",
          description: "Connections that NATS cut because they did not read fast enough: a gateway that is overloaded.",
          unit: "short",
          queries: [byServer("", `increase(${varz("slow_consumers")}${RATE})`)],
        },
        {
          title: "Memory",
          description: "Resident memory of each server.",
          unit: "bytes",
          queries: [byServer("", varz("mem"))],
        },
        {
          title: "JetStream: disk",
          description:
            "Bytes that are kept, as a share of the room that there is. When it is full, histories take nothing more.",
          unit: "percentunit",
          queries: [
            line(
              "{{server}}",
              named(
                `${sumByServer(varz("jetstream_stats_storage"))} / ${sumByServer(varz("jetstream_config_max_storage"))}`,
              ),
            ),
          ],
        },
        {
          title: "JetStream: bytes kept",
          description: "On disk and in memory.",
          unit: "bytes",
          queries: [
            byServer("disk", varz("jetstream_stats_storage")),
            byServer("memory", varz("jetstream_stats_memory")),
          ],
        },
        {
          title: "JetStream: API",
          description:
            "Calls of JetStream's API, and those that failed. To ask for what is not there counts as one, so some are normal.",
          unit: "ops",
          queries: [
            line("calls", `sum(${varzRate("jetstream_stats_api_total")})`),
            line("errors", `sum(${varzRate("jetstream_stats_api_errors")})`),
          ],
        },
        {
          title: "JetStream: messages kept",
          description: "Histories, idempotency keys, webhooks and blocks together.",
          unit: "short",
          queries: [byServer("", `{__name__=~"(jetstream|nats)_server_total_messages",${SERVERS}}`)],
        },
      ],
    },
  ],
};
