import { type Dashboard, line, NAMESPACE, quantiles } from "./dashboard.ts";

const ALL = 'namespace=~"$namespace"';
const RATE = "[$__rate_interval]";

/** What to look at first: is everything well, and if not, where? */
export const overview: Dashboard = {
  uid: "carillon-overview",
  title: "Carillon / Overview",
  description: "Is everything well, and if not, on which of the other dashboards does it show?",
  variables: [NAMESPACE],
  rows: [
    {
      title: "Now",
      panels: [
        {
          title: "Connections",
          description: "Open connections on all gateways.",
          unit: "short",
          isStat: true,
          queries: [line("", `sum(carillon_connections{${ALL}})`)],
        },
        {
          title: "Gateways",
          description: "Gateways that are scraped.",
          unit: "short",
          isStat: true,
          queries: [line("", `count(carillon_connections_limit{${ALL}})`)],
        },
        {
          title: "Events a second",
          description: "Events accepted for publishing, over HTTP and from clients.",
          unit: "ops",
          isStat: true,
          queries: [line("", `sum(rate(carillon_events_published_total{${ALL}}${RATE}))`)],
        },
        {
          title: "Delivery, p99",
          description: "From the accepted publish to the sockets of a gateway. Compares clocks of machines.",
          unit: "s",
          isStat: true,
          thresholds: [0.5, 1],
          queries: quantiles("carillon_delivery_seconds", ALL, [0.99]),
        },
        {
          title: "Publishes that failed",
          description: "Share of the calls of the publish API that were answered with a 5xx status.",
          unit: "percentunit",
          isStat: true,
          thresholds: [0.001, 0.01],
          queries: [
            line(
              "",
              `(sum(rate(carillon_publish_requests_total{${ALL},status=~"5.."}${RATE})) or vector(0)) / sum(rate(carillon_publish_request_seconds_count{${ALL}}${RATE}))`,
            ),
          ],
        },
        {
          title: "Processes without NATS",
          description: "Processes whose connection to NATS is down: publishes there are refused, nothing arrives.",
          unit: "short",
          isStat: true,
          thresholds: [1, 1],
          queries: [line("", `count(carillon_bus_connected{${ALL}} == 0) or vector(0)`)],
        },
      ],
    },
    {
      title: "Traffic",
      panels: [
        {
          title: "Connections by gateway",
          description:
            "Uneven lines for long mean that newcomers go elsewhere, and old connections stay where they are.",
          unit: "short",
          isStacked: true,
          queries: [line("{{instance}}", `sum by (instance) (carillon_connections{${ALL}})`)],
        },
        {
          title: "Connections that come and go",
          description: "Both high at once is a rollout, a failing gateway, or clients that can't stay connected.",
          unit: "ops",
          queries: [
            line("opened", `sum(rate(carillon_connections_opened_total{${ALL}}${RATE}))`),
            line("closed", `sum(rate(carillon_connections_closed_total{${ALL}}${RATE}))`),
          ],
        },
        {
          title: "Events and deliveries",
          description: "A delivery is one event for one connection: the distance between the lines is the fan-out.",
          unit: "ops",
          queries: [
            line("events", `sum(rate(carillon_events_published_total{${ALL}}${RATE}))`),
            line("deliveries", `sum(rate(carillon_deliveries_total{${ALL}}${RATE}))`),
          ],
        },
        {
          title: "Publish API by status",
          description: "503 is NATS or JetStream away; 401 wrong credentials; 429 an app over its rate.",
          unit: "reqps",
          isStacked: true,
          queries: [line("{{status}}", `sum by (status) (rate(carillon_publish_requests_total{${ALL}}${RATE}))`)],
        },
        {
          title: "Where the time goes, p99",
          description:
            "Hop by hop, from the publish to the sockets. What begins at the publish compares clocks of machines.",
          unit: "s",
          queries: [
            ...hop("1 NATS has it", "carillon_publish_ack_seconds"),
            ...hop("2 at the gateway", "carillon_delivery_receive_seconds"),
            ...hop("3 fan-out", "carillon_delivery_fanout_seconds"),
            ...hop("all", "carillon_delivery_seconds"),
          ],
        },
        {
          title: "Events by app",
          description: "The first 100 apps of the configuration; the others together as other.",
          unit: "ops",
          isStacked: true,
          queries: [line("{{app}}", `sum by (app) (rate(carillon_app_events_published_total{${ALL}}${RATE}))`)],
        },
      ],
    },
    {
      title: "Trouble",
      panels: [
        {
          title: "Connections refused",
          description:
            "capacity, files, memory, lag: a gateway is full or overloaded; draining: it shuts down; blocks: it doesn't know yet who is blocked.",
          unit: "ops",
          queries: [line("{{reason}}", `sum by (reason) (rate(carillon_upgrades_refused_total{${ALL}}${RATE}))`)],
        },
        {
          title: "NATS",
          description: "Processes whose connection to NATS stands, and breaks of it.",
          unit: "short",
          queries: [
            line("connected", `sum(carillon_bus_connected{${ALL}})`),
            line("breaks", `sum(increase(carillon_bus_disconnects_total{${ALL}}${RATE}))`),
          ],
        },
        {
          title: "Event loop, p99",
          description:
            "How late the loop turns. About 20 to 30 ms is the measure's own grain; 200 ms is felt by everybody.",
          unit: "s",
          queries: [
            line(
              "{{role}} {{instance}}",
              `max by (role, instance) (nodejs_eventloop_lag_p99_seconds{${ALL},role=~"gateway|publisher|webhooks|dev"})`,
            ),
          ],
        },
      ],
    },
  ],
};

function hop(legend: string, histogram: string) {
  return quantiles(histogram, ALL, [0.99]).map(({ expr }) => line(legend, expr));
}
