import { type Dashboard, instancesOf, NAMESPACE, type Row } from "./dashboard.ts";
import { highest, line, OWN, perSecond, quantiles, rise, total } from "./expressions.ts";
import { connectionsRefused, processPanels, unconfirmed } from "./shared-panels.ts";

const PROCESS = `${OWN},role=~"gateway|dev"`;
const own = processPanels("gateway", PROCESS);

const connections: Row = {
  title: "Connections",
  panels: [
    {
      title: "Connections by gateway",
      description: "Open connections.",
      unit: "short",
      queries: [line("{{instance}}", total("carillon_connections", OWN, "instance"))],
    },
    {
      title: "Connections, of their limit",
      description: "At its limit a gateway refuses newcomers and is not ready.",
      unit: "percentunit",
      queries: [
        line(
          "{{instance}}",
          `${total("carillon_connections", OWN, "instance")} / ${total("carillon_connections_limit", OWN, "instance")}`,
        ),
      ],
    },
    {
      title: "By transport",
      description: "sse and poll are clients that WebSockets don't reach.",
      unit: "short",
      isStacked: true,
      queries: [line("{{transport}}", total("carillon_connections", OWN, "transport"))],
    },
    {
      title: "Opened",
      description: "Connections that were accepted.",
      unit: "ops",
      queries: [line("{{instance}}", perSecond("carillon_connections_opened_total", PROCESS, "instance"))],
    },
    connectionsRefused(OWN),
    {
      title: "Closed by code",
      description:
        "4200 and 1012 are drains, 4202 is rebalancing; 1006 are cut lines and killed clients, 1001 closed pages.",
      unit: "ops",
      isStacked: true,
      queries: [line("{{code}}", perSecond("carillon_connections_closed_total", PROCESS, "code"))],
    },
  ],
};

const states: Row = {
  title: "What they are about",
  panels: [
    {
      title: "Draining",
      description: "1 while a gateway sends its clients elsewhere. For longer than its drain window: it hangs.",
      unit: "short",
      queries: [highest("carillon_draining", PROCESS)],
    },
    {
      title: "Overloaded",
      description:
        "Gateways that take nobody, by the reason: their event loop lags, or they are near their limit of memory or files.",
      unit: "short",
      isStacked: true,
      queries: [line("{{reason}}", total("carillon_overloaded", OWN, "reason"))],
    },
    {
      title: "Rebalancing",
      description:
        "Gateways by what they are about: in a round they send clients elsewhere; they rest after one that didn't help. Empty where it is off.",
      unit: "short",
      queries: [line("{{state}}", total("carillon_rebalance_state", OWN, "state"))],
    },
    {
      title: "Clients sent elsewhere",
      description:
        "Asked to come back elsewhere: by a gateway that ends (4200), or that has more than others (4202). What a gateway counts after the last scrape before its end is missing.",
      unit: "ops",
      queries: [line("{{reason}}", perSecond("carillon_connections_drained_total", PROCESS, "reason"))],
    },
    {
      title: "NATS",
      description: "1 while the connection stands.",
      unit: "short",
      queries: [line("{{instance}}", `min by (instance) (carillon_bus_connected{${PROCESS}})`)],
    },
    {
      title: "List of blocks",
      description:
        "1 while the list of blocked users and tokens is followed. A gateway that never had it takes nobody.",
      unit: "short",
      queries: [line("{{instance}}", `min by (instance) (carillon_blocks_available{${PROCESS}})`)],
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
      queries: [line("{{instance}}", total("carillon_channels", OWN, "instance"))],
    },
    {
      title: "Subscriptions",
      description: "One for each connection and channel.",
      unit: "short",
      queries: [line("{{instance}}", total("carillon_subscriptions", OWN, "instance"))],
    },
    {
      title: "Publications in, deliveries out",
      description: "What NATS brought, what was made of it, and how often it was handed to a connection.",
      unit: "ops",
      queries: [
        line("from NATS", perSecond("carillon_envelopes_received_total", OWN)),
        line("frames made", perSecond("carillon_publications_encoded_total", OWN)),
        line("deliveries", perSecond("carillon_deliveries_total", OWN)),
      ],
    },
    {
      title: "Frames",
      description: "Frames of clients, and answers to single ones; publications not counted.",
      unit: "ops",
      queries: [
        line("from clients", perSecond("carillon_frames_received_total", OWN)),
        line("to single clients", perSecond("carillon_frames_sent_total", OWN)),
      ],
    },
    {
      title: "Bytes",
      description: "Bytes of frames, without what TLS, WebSocket and HTTP add.",
      unit: "Bps",
      queries: [
        line("in", perSecond("carillon_received_bytes_total", OWN)),
        line("out", perSecond("carillon_sent_bytes_total", OWN)),
      ],
    },
    {
      title: "Commands refused",
      description: "By error code: what clients ask for and don't get.",
      unit: "ops",
      queries: [line("{{code}}", perSecond("carillon_refusals_total", OWN, "code"))],
    },
    {
      title: "Bytes that wait for clients",
      description: "What slow clients have not taken yet. It is in the process's memory.",
      unit: "bytes",
      queries: [line("{{instance}}", total("carillon_backpressure_bytes", OWN, "instance"))],
    },
    {
      title: "Slow consumers",
      description: "Connections with bytes that wait, and those that were cut because they went over the bound.",
      unit: "short",
      queries: [
        line("waiting", total("carillon_backpressured_connections", OWN)),
        line("cut", rise("carillon_slow_consumers_total", OWN)),
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
      queries: [line("{{outcome}}", perSecond("carillon_recoveries_total", OWN, "outcome"))],
    },
    {
      title: "Gaps and failed reads",
      description:
        "Events that were missing: repaired before anything later went out, or lost, which clients were told.",
      unit: "ops",
      queries: [
        line("gap {{outcome}}", perSecond("carillon_history_gaps_total", OWN, "outcome")),
        line("read failed", perSecond("carillon_history_reads_total", `${OWN},outcome="failed"`)),
      ],
    },
    {
      title: "Presence",
      description: "Users on presence channels, once for each channel and gateway.",
      unit: "short",
      queries: [line("{{instance}}", total("carillon_presence_members", OWN, "instance"))],
    },
    {
      title: "Other nodes that are known",
      description: "Gateways and publishers that each process knows to live: all lines on one height is right.",
      unit: "short",
      queries: [highest("carillon_cluster_nodes", PROCESS)],
    },
    {
      title: "Cluster events",
      description: "Nodes held for lost, questions without a complete answer, messages that could not be read.",
      unit: "ops",
      queries: [line("{{event}}", perSecond("carillon_cluster_events_total", PROCESS, "event"))],
    },
    {
      title: "Clients over HTTP",
      description: "Calls by kind; relayed ones are for sessions on other gateways.",
      unit: "reqps",
      queries: [line("{{kind}}", perSecond("carillon_fallback_calls_total", OWN, "kind"))],
    },
  ],
};

const processes: Row = {
  title: "Process",
  panels: [
    own.cpu,
    own.eventLoop,
    {
      ...own.memory,
      description: "Resident memory, of which the heap is a part; sockets are outside the heap.",
      queries: [
        ...own.memory.queries,
        line("heap {{instance}}", `max by (instance) (nodejs_heap_size_used_bytes{${PROCESS}})`),
      ],
    },
    {
      title: "Open files",
      description: "Share of the limit. Each connection is one; at the limit nothing works any more.",
      unit: "percentunit",
      queries: [line("{{instance}}", `max by (instance) (process_open_fds{${PROCESS}} / process_max_fds{${PROCESS}})`)],
    },
    unconfirmed(PROCESS),
  ],
};

/** Everything about the gateways. */
export const gateway: Dashboard = {
  uid: "carillon-gateway",
  title: "Carillon / Gateways",
  description: "Connections, channels, deliveries and the processes that hold them.",
  variables: [NAMESPACE, instancesOf("carillon_connections_limit")],
  rows: [connections, states, channels, lag, histories, processes],
};
