/**
 * What a node counts. Plain numbers, incremented in place: a labelled metric costs 160 ns each time, these cost one.
 * The metrics endpoint reads them when it is asked. Counters only ever grow; gauges are marked.
 */
export interface NodeCounters {
  /** Connections that were opened, and accepted by their protocol. */
  connectionsOpened: number;
  /** Connections that ended, by close code (1006 = cut without a close frame, also by backpressure). */
  readonly connectionsClosed: Map<number, number>;
  /** Connections that were turned away before they began, over HTTP too, by reason: `capacity`, `draining`, `blocks`, `files`, `memory`, `lag`, `path`, `bad_request`. */
  readonly upgradesRefused: Map<string, number>;
  /** Connections whose clients were asked to come back elsewhere, by why: `shutdown`, `rebalance`, `proxy`. */
  readonly connectionsDrained: Map<string, number>;
  /** Connections cut because they did not read fast enough. */
  slowConsumers: number;
  /** Frames from clients. */
  framesIn: number;
  /** Bytes of frames from clients. */
  bytesIn: number;
  /** Frames written to single connections: replies and pushes, not publications. */
  framesOut: number;
  /** Commands that were refused, by error code. */
  readonly refusals: Map<string, number>;
  /** Envelopes that the bus handed to this node. */
  envelopesIn: number;
  /** Envelopes that could not be read, and were dropped. */
  envelopesUnreadable: number;
  /** Deliveries: one per publication and subscribed connection. */
  deliveries: number;
  /** Bytes of frames to clients: publications once for each connection, and what is written to single ones (of texts, their characters). */
  bytesOut: number;
  /** Frames encoded for publications: one per publication and codec in use. */
  publicationsEncoded: number;
  /** Publications that waited to be written together with others of their channel. */
  publicationsCoalesced: number;
  /** Events accepted for publishing, from clients and over HTTP. */
  eventsPublished: number;
  /** Publishes that an idempotency key showed to be repeats. */
  duplicatePublishes: number;
  /** Publishes refused because the bus was away, or the store of histories. */
  publishesUnavailable: number;
  /** Those of them for which it was the store of histories. */
  historyAppendsRefused: number;
}
