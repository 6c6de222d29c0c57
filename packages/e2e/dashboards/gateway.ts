import { type Dashboard, instancesOf, line, NAMESPACE, quantiles, type Row } from "./dashboard.ts";

const OWN = 'namespace=~"$namespace",instance=~"$instance"';
const RATE = "[$__rate_interval]";
const PROCESS = `${OWN},role=~"gateway|dev"`;

const connections: Row = {
  title: "Connections",
  panels: [
    {
      title: "Connections and their limit",
      description: "At its limit a gateway refuses newcomers and is not ready.",
      unit: "short",
      queries: [
        line("{{instance}}", `sum by (instance) (carillon_connections{${OWN}})`),
        line("limit {{instance}}", `sum by (instance) (carillon_connections_limit{${OWN}})`),
      ],
    },
    {
      title: "By transport",
      description: "sse and poll are clients that WebSockets don't reach.",
      unit: "short",
      isStacked: true,
      queries: [line("{{transport}}", `sum by (transport) (carillon_connections{${OWN}})`)],
    },
    {
      title: "Opened and refused",
      description: "Refused ones by reason; path is a wrong address.",
      unit: "ops",
      queries: [
        line("opened", `sum(rate(carillon_connections_opened_total{${OWN}}${RATE}))`),
        line("refused: {{reason}}", `sum by (reason) (rate(carillon_upgrades_refused_total{${OWN}}${RATE}))`),
      ],
    },
    {
      title: "Closed by code",
      description: "1012 and 4200 are drains, 1006 are cut lines and killed clients, 1001 closed pages.",
      unit: "ops",
      isStacked: true,
      queries: [line("{{code}}", `sum by (code) (rate(carillon_connections_closed_total{${OWN}}${RATE}))`)],
    },
    {
      title: "Commands refused",
      description: "By error code: what clients ask for and don't get.",
      unit: "ops",
      queries: [line("{{code}}", `sum by (code) (rate(carillon_refusals_total{${OWN}}${RATE}))`)],
    },
    {
      title: "Draining",
      description: "1 while a gateway sends its clients elsewhere. For longer than its drain window: it hangs.",
      unit: "short",
      queries: [line("{{instance}}", `max by (instance) (carillon_draining{${PROCESS}})`)],
    },
  ],
};

const channels: Row = {
  title: "Channels and deliveries",
  panels: [
    {
      title: "Channels",
      description: "Channels that a gateway has interest in, those included that linger for some seconds.",
      unit: "short",
      queries: [line("{{instance}}", `sum by (instance) (carillon_channels{${OWN}})`)],
    },
    {
      title: "Subscriptions",
      description: "One for each connection and channel.",
      unit: "short",
      queries: [line("{{instance}}", `sum by (instance) (carillon_subscriptions{${OWN}})`)],
    },
    {
      title: "Publications in, deliveries out",
      description: "What NATS brought, what was made of it, and how often it was handed to a connection.",
      unit: "ops",
      queries: [
        line("from NATS", `sum(rate(carillon_envelopes_received_total{${OWN}}${RATE}))`),
        line("frames made", `sum(rate(carillon_publications_encoded_total{${OWN}}${RATE}))`),
        line("deliveries", `sum(rate(carillon_deliveries_total{${OWN}}${RATE}))`),
      ],
    },
    {
      title: "Frames",
      description: "Frames of clients, and answers to single ones; publications not counted.",
      unit: "ops",
      queries: [
        line("from clients", `sum(rate(carillon_frames_received_total{${OWN}}${RATE}))`),
        line("to single clients", `sum(rate(carillon_frames_sent_total{${OWN}}${RATE}))`),
      ],
    },
    {
      title: "Bytes",
      description: "Bytes of frames, without what TLS, WebSocket and HTTP add.",
      unit: "Bps",
      queries: [
        line("in", `sum(rate(carillon_received_bytes_total{${OWN}}${RATE}))`),
        line("out", `sum(rate(carillon_sent_bytes_total{${OWN}}${RATE}))`),
      ],
    },
    {
      title: "Slow consumers",
      description: "Bytes and connections that wait for their clients; those over the bound are cut.",
      unit: "short",
      queries: [
        line("waiting bytes", `sum(carillon_backpressure_bytes{${OWN}})`),
        line("waiting connections", `sum(carillon_backpressured_connections{${OWN}})`),
        line("cut a second", `sum(rate(carillon_slow_consumers_total{${OWN}}${RATE}))`),
      ],
    },
  ],
};

const lag: Row = {
  title: "Delivery, hop by hop",
  panels: [
    {
      title: "From the publish to the sockets",
      description: "Each publication once on each gateway. Compares clocks of machines.",
      unit: "s",
      queries: quantiles("carillon_delivery_seconds", OWN),
    },
    {
      title: "From the publish to this gateway",
      description: "The part before the gateway: publisher, NATS, network. Compares clocks of machines.",
      unit: "s",
      queries: quantiles("carillon_delivery_receive_seconds", OWN),
    },
    {
      title: "Fan-out",
      description: "The gateway's own part; one of eight publications is timed.",
      unit: "s",
      queries: quantiles("carillon_delivery_fanout_seconds", OWN),
    },
  ],
};

const histories: Row = {
  title: "Histories, presence, cluster",
  panels: [
    {
      title: "Recoveries",
      description: "Subscribes with a position: recovered, or why not.",
      unit: "ops",
      queries: [line("{{outcome}}", `sum by (outcome) (rate(carillon_recoveries_total{${OWN}}${RATE}))`)],
    },
    {
      title: "Gaps and failed reads",
      description:
        "Events that were missing: repaired before anything later went out, or lost, which clients were told.",
      unit: "ops",
      queries: [
        line("gap {{outcome}}", `sum by (outcome) (rate(carillon_history_gaps_total{${OWN}}${RATE}))`),
        line("read failed", `sum(rate(carillon_history_reads_total{${OWN},outcome="failed"}${RATE}))`),
      ],
    },
    {
      title: "Presence",
      description: "Users on presence channels, once for each channel and gateway.",
      unit: "short",
      queries: [line("{{instance}}", `sum by (instance) (carillon_presence_members{${OWN}})`)],
    },
    {
      title: "Other nodes that are known",
      description: "Gateways and publishers that each process knows to live: all lines on one height is right.",
      unit: "short",
      queries: [line("{{instance}}", `max by (instance) (carillon_cluster_nodes{${PROCESS}})`)],
    },
    {
      title: "Cluster events",
      description: "Nodes held for lost, questions without a complete answer, messages that could not be read.",
      unit: "ops",
      queries: [line("{{event}}", `sum by (event) (rate(carillon_cluster_events_total{${PROCESS}}${RATE}))`)],
    },
    {
      title: "Clients over HTTP",
      description: "Calls by kind; relayed ones are for sessions on other gateways.",
      unit: "reqps",
      queries: [line("{{kind}}", `sum by (kind) (rate(carillon_fallback_calls_total{${OWN}}${RATE}))`)],
    },
  ],
};

const processes: Row = {
  title: "Process",
  panels: [
    {
      title: "CPU",
      description: "Of one core: a gateway is one thread, and full at 1.",
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
      description: "Resident memory, of which the heap is a part; sockets are outside the heap.",
      unit: "bytes",
      queries: [
        line("{{instance}}", `max by (instance) (process_resident_memory_bytes{${PROCESS}})`),
        line("heap {{instance}}", `max by (instance) (nodejs_heap_size_used_bytes{${PROCESS}})`),
      ],
    },
    {
      title: "Open files",
      description: "Each connection is one. At the limit nothing works any more.",
      unit: "percentunit",
      queries: [line("{{instance}}", `max by (instance) (process_open_fds{${PROCESS}} / process_max_fds{${PROCESS}})`)],
    },
    {
      title: "Not yet confirmed by NATS",
      description: "Bytes that clients of this gateway published and NATS has not confirmed.",
      unit: "bytes",
      queries: [line("{{instance}}", `max by (instance) (carillon_bus_pending_bytes{${PROCESS}})`)],
    },
    {
      title: "NATS",
      description: "1 while the connection stands.",
      unit: "short",
      queries: [line("{{instance}}", `min by (instance) (carillon_bus_connected{${PROCESS}})`)],
    },
  ],
};

/** Everything about the gateways. */
export const gateway: Dashboard = {
  uid: "carillon-gateway",
  title: "Carillon / Gateways",
  description: "Connections, channels, deliveries and the processes that hold them.",
  variables: [NAMESPACE, instancesOf("carillon_connections_limit")],
  rows: [connections, channels, lag, histories, processes],
};
