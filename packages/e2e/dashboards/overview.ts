import { type Dashboard, NAMESPACE } from "./dashboard.ts";
import { ALL, line, perSecond, quantiles, rise, total } from "./expressions.ts";
import { connectionsRefused, publishApiByStatus } from "./shared-panels.ts";

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
          queries: [line("", total("carillon_connections", ALL))],
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
          queries: [line("", perSecond("carillon_events_published_total", ALL))],
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
              `(${perSecond("carillon_publish_requests_total", `${ALL},status=~"5.."`)} or vector(0)) / ${perSecond("carillon_publish_request_seconds_count", ALL)}`,
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
          queries: [line("{{instance}}", total("carillon_connections", ALL, "instance"))],
        },
        {
          title: "Connections that come and go",
          description: "Both high at once is a rollout, a failing gateway, or clients that can't stay connected.",
          unit: "ops",
          queries: [
            line("opened", perSecond("carillon_connections_opened_total", ALL)),
            line("closed", perSecond("carillon_connections_closed_total", ALL)),
          ],
        },
        {
          title: "Events and deliveries",
          description: "A delivery is one event for one connection: the distance between the lines is the fan-out.",
          unit: "ops",
          queries: [
            line("events", perSecond("carillon_events_published_total", ALL)),
            line("deliveries", perSecond("carillon_deliveries_total", ALL)),
          ],
        },
        publishApiByStatus(ALL),
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
          queries: [line("{{app}}", perSecond("carillon_app_events_published_total", ALL, "app"))],
        },
      ],
    },
    {
      title: "Trouble",
      panels: [
        connectionsRefused(ALL),
        {
          title: "NATS",
          description: "Processes whose connection to NATS stands, and breaks of it.",
          unit: "short",
          queries: [
            line("connected", total("carillon_bus_connected", ALL)),
            line("breaks", rise("carillon_bus_disconnects_total", ALL)),
          ],
        },
        {
          title: "Event loop, p99",
          description:
            "How late the loop turns, in the worst process of each role. About 20 to 30 ms is the measure's own grain; 200 ms is felt by everybody.",
          unit: "s",
          queries: [
            line(
              "{{role}}",
              `max by (role) (nodejs_eventloop_lag_p99_seconds{${ALL},role=~"gateway|publisher|webhooks|dev"})`,
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
