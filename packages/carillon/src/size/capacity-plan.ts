import { COSTS } from "./measured-costs.ts";

/** What an installation is to carry. */
export interface Workload {
  /** Connections at the busiest time. */
  readonly connections: number;
  /** Channels that a connection has for itself, such as one of its user. What many share costs next to nothing for each. */
  readonly ownChannels: number;
  /** Events published in a second, at the busiest time. */
  readonly eventsPerSecond: number;
  /** Connections that get one event, on average. */
  readonly subscribersPerEvent: number;
  /** Bytes of one payload. */
  readonly payloadBytes: number;
  /** Share of the events on channels with a history, 0 to 1. */
  readonly keptShare: number;
  /** Events that all histories hold together. */
  readonly keptEvents: number;
  /** Most connections of one gateway, with one gateway gone. */
  readonly connectionsPerGateway: number;
}

/** How many of one kind of process, and what each wants. */
export interface ProcessPlan {
  readonly count: number;
  /** Cores that each uses at the busiest time, when all are there. */
  readonly cores: number;
  /** Memory that each uses at the most, when one of them is gone. */
  readonly memoryBytes: number;
}

/** What an installation for a workload needs. */
export interface CapacityPlan {
  readonly gateways: ProcessPlan & { readonly connections: number; readonly connectionsWithOneGone: number };
  readonly publishers: ProcessPlan;
  readonly nats: ProcessPlan & { readonly diskBytes: number };
  readonly balancers: ProcessPlan & { readonly openFiles: number };
  readonly deliveriesPerSecond: number;
  /** Towards the clients, over all gateways. */
  readonly bytesPerSecondToClients: number;
  /** From NATS to all gateways. */
  readonly bytesPerSecondFromNats: number;
  /** Processor time that the clients of a gateway that died take of the others together, when they come. */
  readonly secondsToTakeOverOneGateway: number;
  /** False: one cluster won't do; the numbers only say why. */
  readonly fitsOneCluster: boolean;
  /** Gateways that hear of one event, on average: of a wide one, all. */
  readonly gatewaysPerEvent: number;
}

/** A gateway, or a publisher, has one core. Beyond this share of it, with one of them gone, deliveries wait for each other. */
const BUSY_SHARE = 0.6;
/** Cores of one nats-server that a plan counts on; it uses more where there are. */
const NATS_CORES = 2;
/** Connections of one load balancer, with one gone: more want more memory and open files than one likes to lose at once. */
const CONNECTIONS_PER_BALANCER = 100_000;
/** Fewer, and the loss of one is the loss of the service. JetStream wants three for a majority. */
const FEWEST = { gateways: 2, publishers: 2, nats: 3, balancers: 2 } as const;
const MICROS = 1e6;

/** Plans so that any one process of a kind may be gone. Pure arithmetic on {@link COSTS}. */
export function planCapacity(workload: Workload): CapacityPlan {
  const { connections, ownChannels, eventsPerSecond, subscribersPerEvent, payloadBytes } = workload;
  const deliveriesPerSecond = eventsPerSecond * Math.min(subscribersPerEvent, connections);
  const gateways = fewestGateways(workload, deliveriesPerSecond);
  const left = gateways - 1;
  const hearers = gatewaysPerEvent(gateways, subscribersPerEvent);
  const perConnection = COSTS.gateway.connectionBytes + ownChannels * COSTS.gateway.channelBytes;
  const withOneGone = Math.ceil(connections / left);
  const nats = planNats(workload, hearers);
  return {
    gateways: {
      count: gateways,
      cores: gatewayCores(workload, deliveriesPerSecond, gateways) / gateways,
      memoryBytes: COSTS.gateway.baseBytes + COSTS.gateway.garbageBytes + withOneGone * perConnection,
      connections: Math.ceil(connections / gateways),
      connectionsWithOneGone: withOneGone,
    },
    publishers: planPublishers(workload),
    nats,
    balancers: planBalancers(connections),
    deliveriesPerSecond,
    bytesPerSecondToClients: deliveriesPerSecond * (payloadBytes + COSTS.wire.frameOverheadBytes),
    bytesPerSecondFromNats: eventsPerSecond * hearers * (payloadBytes + COSTS.wire.envelopeOverheadBytes),
    secondsToTakeOverOneGateway: ((connections / gateways) * COSTS.gateway.connectMicros) / MICROS,
    gatewaysPerEvent: hearers,
    fitsOneCluster: gateways < MOST_GATEWAYS && nats.count <= MOST_NATS_SERVERS,
  };
}

/** The fewest that carry it with one gone: by connections, and by processor time. */
function fewestGateways(workload: Workload, deliveriesPerSecond: number): number {
  const byConnections = Math.ceil(workload.connections / workload.connectionsPerGateway) + 1;
  let count = Math.max(FEWEST.gateways, byConnections);
  // More gateways hear more of each event, so it isn't a division. It ends: what one more takes off is more than it adds, or the
  // events alone are too many for a gateway, and then a thousand would be no help either.
  while (gatewayCores(workload, deliveriesPerSecond, count) / (count - 1) > BUSY_SHARE && count < MOST_GATEWAYS)
    count++;
  return count;
}

/** Where even this many are not enough, each gateway hears more events than one core can take. */
const MOST_GATEWAYS = 1000;
/** Servers of a cluster are linked each with each, and each holds every interest: NATS advises against more. */
const MOST_NATS_SERVERS = 7;

function gatewayCores(workload: Workload, deliveriesPerSecond: number, gateways: number): number {
  const heard = workload.eventsPerSecond * gatewaysPerEvent(gateways, workload.subscribersPerEvent);
  return (deliveriesPerSecond * COSTS.gateway.deliveryMicros + heard * COSTS.gateway.eventMicros) / MICROS;
}

/** Subscribers are anywhere: of `gateways` this many have at least one of them, on average. */
function gatewaysPerEvent(gateways: number, subscribers: number): number {
  return gateways * (1 - (1 - 1 / gateways) ** subscribers);
}

function planPublishers({ eventsPerSecond, keptShare }: Workload): ProcessPlan {
  const micros = COSTS.publisher.eventMicros * (1 - keptShare) + COSTS.publisher.keptEventMicros * keptShare;
  const cores = (eventsPerSecond * micros) / MICROS;
  const count = Math.max(FEWEST.publishers, Math.ceil(cores / BUSY_SHARE) + 1);
  return { count, cores: cores / count, memoryBytes: COSTS.publisher.baseBytes + COSTS.publisher.garbageBytes };
}

function planNats(workload: Workload, hearers: number): ProcessPlan & { readonly diskBytes: number } {
  const { connections, ownChannels, eventsPerSecond, keptShare, keptEvents, payloadBytes } = workload;
  const kept = eventsPerSecond * keptShare;
  // Each kept event is written by all three copies; what is only passed on, is by the servers of those who hear it.
  const passed = (eventsPerSecond * Math.max(1, hearers) * COSTS.nats.eventMicros) / MICROS;
  const written = (kept * COSTS.nats.keptEventMicros * FEWEST.nats) / MICROS;
  const count = Math.max(FEWEST.nats, odd(Math.ceil((passed + written) / (NATS_CORES * BUSY_SHARE)) + 1));
  const interests = connections * ownChannels * COSTS.nats.interestBytes;
  const histories = (keptEvents * COSTS.nats.keptEventBytes * FEWEST.nats) / count;
  const recent = (kept * COSTS.nats.recentSeconds * COSTS.nats.recentEventBytes * FEWEST.nats) / count;
  return {
    count,
    cores: (passed + written) / count,
    memoryBytes: COSTS.nats.baseBytes + interests + histories + recent,
    diskBytes: (keptEvents * (payloadBytes + COSTS.nats.keptOverheadBytes) * FEWEST.nats) / count,
  };
}

function planBalancers(connections: number): ProcessPlan & { readonly openFiles: number } {
  const count = Math.max(FEWEST.balancers, Math.ceil(connections / CONNECTIONS_PER_BALANCER) + 1);
  const each = connections / (count - 1);
  return {
    count,
    cores: 0,
    memoryBytes: COSTS.balancer.baseBytes + each * COSTS.balancer.connectionBytes,
    openFiles: each * COSTS.balancer.filesPerConnection,
  };
}

/** A majority of an even number is no smaller than that of the next odd one. */
function odd(count: number): number {
  return count % 2 === 0 ? count + 1 : count;
}
