/**
 * What things cost, as measured on the machine that docs/benchmarks.md and docs/sizing.md name. Where a figure depends on how busy the
 * machine is, the dearer one stands here: a plan is better a little large. Times of processors are in microseconds of one core.
 */
export const COSTS = {
  gateway: {
    /** A process that has started, with the code compiled. */
    baseBytes: 80 * 1024 ** 2,
    /** Garbage that V8 lets stand before it collects, and bursts: docs/benchmarks.md, "Memory after a burst". */
    garbageBytes: 256 * 1024 ** 2,
    /** `idle`: 1.38 KiB. */
    connectionBytes: 1450,
    /** `idle`: 2.09 KiB, where each channel has an interest of its own. */
    channelBytes: 2150,
    /** One write to one socket. `paced`: 7.5 with 2,000 subscribers; 12 with 10,000, whose sockets are colder. */
    deliveryMicros: 12,
    /** What comes before it on each gateway with a subscriber, once for an event: the gateway's part of `unicast` less one delivery. */
    eventMicros: 15,
    /** `connect`: 71. */
    connectMicros: 75,
  },
  publisher: {
    baseBytes: 80 * 1024 ** 2,
    garbageBytes: 128 * 1024 ** 2,
    /** `unicast`: 31. */
    eventMicros: 35,
    /** `history-r3`: 78. */
    keptEventMicros: 80,
  },
  nats: {
    /** The server itself, and what Go keeps in reserve. */
    baseBytes: 100 * 1024 ** 2,
    /** `unicast`: 16, of which a part is for the gateway that hears it; taken for each gateway that does. */
    eventMicros: 16,
    /** `history-r3`: 242 over three servers. */
    keptEventMicros: 85,
    /** An interest of one gateway, on every server of the cluster: 100,000 of them took 133 MB where the gateway was, 63 MB elsewhere. */
    interestBytes: 1400,
    /** docs/sizing.md, "Rule of thumb": each event kept, once all over the stream was written and read. */
    keptEventBytes: 500,
    /** The same place: an event published in the last two minutes, whose id is remembered. */
    recentEventBytes: 400,
    recentSeconds: 120,
    /** The same place: names, ids and JetStream's own, on disk beside each payload. */
    keptOverheadBytes: 165,
  },
  balancer: {
    /** Envoy as a TCP proxy, an idle connection: 12.9 KB. HAProxy takes 2.6. */
    connectionBytes: 13_000,
    baseBytes: 60 * 1024 ** 2,
    /** One towards the client, one towards the gateway. */
    filesPerConnection: 2,
  },
  wire: {
    /** A frame around a payload: channel, event, id and position as JSON, WebSocket's and TCP/IP's headers. */
    frameOverheadBytes: 200,
    /** An envelope around a payload on NATS: header, id, event, subject. */
    envelopeOverheadBytes: 120,
  },
} as const;
