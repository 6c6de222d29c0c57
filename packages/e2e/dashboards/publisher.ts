import { type Dashboard, instancesOf, line, NAMESPACE, quantiles } from "./dashboard.ts";

const ALL = 'namespace=~"$namespace"';
const OWN = `${ALL},instance=~"$instance"`;
const RATE = "[$__rate_interval]";
const PROCESS = `${OWN},role=~"publisher|dev"`;

/** Everything about the publish API and the webhooks. */
export const publisher: Dashboard = {
  uid: "carillon-publisher",
  title: "Carillon / Publishers and webhooks",
  description: "The publish API: rate, errors, duration. The webhooks: what waits, and what came of it.",
  variables: [NAMESPACE, instancesOf("carillon_publish_requests_in_flight")],
  rows: [
    {
      title: "Publish API",
      panels: [
        {
          title: "Calls by status",
          description: "503 is NATS or JetStream away; 401 wrong credentials; 429 an app over its rate.",
          unit: "reqps",
          isStacked: true,
          queries: [line("{{status}}", `sum by (status) (rate(carillon_publish_requests_total{${OWN}}${RATE}))`)],
        },
        {
          title: "Duration",
          description: "From a call to its answer, queries included.",
          unit: "s",
          queries: quantiles("carillon_publish_request_seconds", OWN),
        },
        {
          title: "In flight",
          description: "Calls that are being handled. Rising without more calls: NATS answers slowly.",
          unit: "short",
          queries: [line("{{instance}}", `sum by (instance) (carillon_publish_requests_in_flight{${OWN}})`)],
        },
        {
          title: "Events",
          description: "Accepted ones; repeats of an id; refused because NATS or JetStream was away.",
          unit: "ops",
          queries: [
            line("accepted", `sum(rate(carillon_events_published_total{${PROCESS}}${RATE}))`),
            line("repeats", `sum(rate(carillon_duplicate_publishes_total{${PROCESS}}${RATE}))`),
            line("unavailable", `sum(rate(carillon_publishes_unavailable_total{${PROCESS}}${RATE}))`),
            line("not kept", `sum(rate(carillon_history_appends_refused_total{${PROCESS}}${RATE}))`),
          ],
        },
        {
          title: "Until NATS has it",
          description:
            "Hop 1: from the accepted publish to the confirmation, of JetStream where the channel has a history.",
          unit: "s",
          queries: quantiles("carillon_publish_ack_seconds", PROCESS),
        },
        {
          title: "Not yet confirmed by NATS",
          description: "Bytes that were published and not confirmed. More than 64 MiB are refused.",
          unit: "bytes",
          queries: [line("{{instance}}", `max by (instance) (carillon_bus_pending_bytes{${PROCESS}})`)],
        },
      ],
    },
    {
      title: "Process",
      panels: [
        {
          title: "CPU",
          description: "Of one core: a publisher is one thread, and full at 1.",
          unit: "percentunit",
          queries: [line("{{instance}}", `sum by (instance) (rate(process_cpu_seconds_total{${PROCESS}}${RATE}))`)],
        },
        {
          title: "Event loop, p99",
          description: "About 20 to 30 ms is the measure's own grain.",
          unit: "s",
          queries: [line("{{instance}}", `max by (instance) (nodejs_eventloop_lag_p99_seconds{${PROCESS}})`)],
        },
        {
          title: "Memory",
          description: "Resident memory.",
          unit: "bytes",
          queries: [line("{{instance}}", `max by (instance) (process_resident_memory_bytes{${PROCESS}})`)],
        },
      ],
    },
    {
      title: "Webhooks",
      panels: [
        {
          title: "In the queue",
          description: "Events that wait or are being delivered, in the whole cluster; and those that were given up.",
          unit: "short",
          queries: [
            line("queued", `max(carillon_webhook_queue_events{${ALL}})`),
            line("dead letters", `max(carillon_webhook_dead_letters{${ALL}})`),
            line("waiting in gateways", `sum(carillon_webhook_events_waiting{${ALL}})`),
          ],
        },
        {
          title: "Age of the oldest",
          description: "How long the oldest event has waited. Rising: an endpoint fails, or there are too few workers.",
          unit: "s",
          queries: [line("oldest", `max(carillon_webhook_queue_oldest_age_seconds{${ALL}})`)],
        },
        {
          title: "Requests",
          description: "Requests to endpoints, by how they ended.",
          unit: "reqps",
          isStacked: true,
          queries: [line("{{outcome}}", `sum by (outcome) (rate(carillon_webhook_requests_total{${ALL}}${RATE}))`)],
        },
        {
          title: "Duration of requests",
          description: "Until the endpoint answered, or the request failed.",
          unit: "s",
          queries: quantiles("carillon_webhook_request_seconds", ALL),
        },
        {
          title: "Events that happened",
          description: "Handed to the queue, by name; dropped ones never got there.",
          unit: "ops",
          queries: [
            line("{{event}}", `sum by (event) (rate(carillon_webhook_events_queued_total{${ALL}}${RATE}))`),
            line("dropped", `sum(rate(carillon_webhook_events_dropped_total{${ALL}}${RATE}))`),
          ],
        },
        {
          title: "Fate of events",
          description: "delivered: an endpoint took it; dead: given up.",
          unit: "ops",
          queries: [line("{{fate}}", `sum by (fate) (rate(carillon_webhook_events_total{${ALL}}${RATE}))`)],
        },
      ],
    },
  ],
};
