import { type Dashboard, instancesOf, NAMESPACE } from "./dashboard.ts";
import { ALL, line, OWN, perSecond, quantiles, total } from "./expressions.ts";
import { processPanels, publishApiByStatus, unconfirmed } from "./shared-panels.ts";

const PROCESS = `${OWN},role=~"publisher|dev"`;
const process = processPanels("publisher", PROCESS);

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
        publishApiByStatus(OWN),
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
          queries: [line("{{instance}}", total("carillon_publish_requests_in_flight", OWN, "instance"))],
        },
        {
          title: "Events",
          description: "Accepted ones; repeats of an id; refused because NATS or JetStream was away.",
          unit: "ops",
          queries: [
            line("accepted", perSecond("carillon_events_published_total", PROCESS)),
            line("repeats", perSecond("carillon_duplicate_publishes_total", PROCESS)),
            line("unavailable", perSecond("carillon_publishes_unavailable_total", PROCESS)),
            line("not kept", perSecond("carillon_history_appends_refused_total", PROCESS)),
          ],
        },
        {
          title: "Until NATS has it",
          description:
            "Hop 1: from the accepted publish to the confirmation, of JetStream where the channel has a history.",
          unit: "s",
          queries: quantiles("carillon_publish_ack_seconds", PROCESS),
        },
        unconfirmed(PROCESS),
      ],
    },
    { title: "Process", panels: [process.cpu, process.eventLoop, process.memory] },
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
            line("waiting in gateways", total("carillon_webhook_events_waiting", ALL)),
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
          queries: [line("{{outcome}}", perSecond("carillon_webhook_requests_total", ALL, "outcome"))],
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
            line("{{event}}", perSecond("carillon_webhook_events_queued_total", ALL, "event")),
            line("dropped", perSecond("carillon_webhook_events_dropped_total", ALL)),
          ],
        },
        {
          title: "Fate of events",
          description: "delivered: an endpoint took it; dead: given up.",
          unit: "ops",
          queries: [line("{{fate}}", perSecond("carillon_webhook_events_total", ALL, "fate"))],
        },
      ],
    },
  ],
};
