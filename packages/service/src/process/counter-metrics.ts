import type { NodeCounters } from "@carillon/core";
import { CLOSE_CODES } from "@carillon/protocol";

/** How one of a node's counts is shown. */
export interface CounterMetric {
  /** Without the prefix. */
  readonly name: string;
  readonly help: string;
  /** Name of the label under which a count by key is shown. */
  readonly label?: string;
  /** Makes the label's value of a key; the key's text when absent. Several keys may share one. */
  readonly labelValue?: (key: string | number) => string;
  /** Values of the label that are shown with 0 from the start: the rate of a counter that is born with its first count misses that. */
  readonly firstValues?: readonly string[];
}

/** Codes of RFC 6455 that a connection can end with. */
const STANDARD_CLOSE_CODES = { first: 1000, last: 1015 } as const;

const OWN_CLOSE_CODES: ReadonlySet<number> = new Set(Object.values(CLOSE_CODES).map(({ code }) => code));

/** Clients choose their close codes freely, so those that nobody defined share one label value. */
function closeCodeLabel(key: string | number): string {
  const code = Number(key);
  const isStandard = code >= STANDARD_CLOSE_CODES.first && code <= STANDARD_CLOSE_CODES.last;
  return isStandard || OWN_CLOSE_CODES.has(code) ? String(code) : "other";
}

/** Each count with its metric. A new count doesn't compile until it has one here. */
export const COUNTER_METRICS = {
  connectionsOpened: { name: "connections_opened_total", help: "Connections that were opened and accepted." },
  connectionsClosed: {
    name: "connections_closed_total",
    help: "Connections that ended, by close code; 1006 is without a close frame, other is a code that the client made up.",
    label: "code",
    labelValue: closeCodeLabel,
    firstValues: ["1000", "1001", "1005", "1006", "4200", "4202", "4203"],
  },
  upgradesRefused: {
    name: "upgrades_refused_total",
    help: "Connections that were turned away before they began, over HTTP too, by reason.",
    label: "reason",
    firstValues: ["draining", "capacity", "files", "memory", "lag", "blocks", "path"],
  },
  connectionsDrained: {
    name: "connections_drained_total",
    help: "Connections whose clients were asked to come back elsewhere, by reason: this node shuts down, has more than others, or the proxy that they came through ends.",
    label: "reason",
    firstValues: ["shutdown", "rebalance", "proxy"],
  },
  slowConsumers: { name: "slow_consumers_total", help: "Connections cut because they did not read fast enough." },
  framesIn: { name: "frames_received_total", help: "Frames from clients." },
  bytesIn: { name: "received_bytes_total", help: "Bytes of frames from clients." },
  bytesOut: {
    name: "sent_bytes_total",
    help: "Bytes of frames to clients: of publications once for each connection, and of what is written to single ones.",
  },
  framesOut: { name: "frames_sent_total", help: "Replies and pushes to single connections, publications not counted." },
  refusals: { name: "refusals_total", help: "Commands and calls that were refused, by error code.", label: "code" },
  envelopesIn: { name: "envelopes_received_total", help: "Envelopes that the bus handed to this node." },
  envelopesUnreadable: {
    name: "envelopes_unreadable_total",
    help: "Envelopes that could not be read and were dropped.",
  },
  deliveries: { name: "deliveries_total", help: "Deliveries: one for each publication and subscribed connection." },
  publicationsEncoded: {
    name: "publications_encoded_total",
    help: "Frames encoded for publications: one for each publication and codec in use.",
  },
  publicationsCoalesced: {
    name: "publications_coalesced_total",
    help: "Publications that waited, for gateway.coalesceMs at most, to be written together with others of their channel.",
  },
  eventsPublished: { name: "events_published_total", help: "Events accepted for publishing." },
  duplicatePublishes: {
    name: "duplicate_publishes_total",
    help: "Publishes that an idempotency key showed to be repeats.",
  },
  publishesUnavailable: {
    name: "publishes_unavailable_total",
    help: "Publishes refused because the bus was away, or the store of histories.",
  },
  historyAppendsRefused: {
    name: "history_appends_refused_total",
    help: "Publishes refused because the store of histories could not be known to have kept them.",
  },
} satisfies { readonly [K in keyof NodeCounters]: CounterMetric };
