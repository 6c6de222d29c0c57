import type { HistogramCounts } from "../histogram.ts";
import type { CpuTime } from "../process-usage.ts";
import type { DialectName } from "./dialect.ts";
import type { PublishApiName } from "./publish-api.ts";

/** Where the servers of a contender listen; all on 127.0.0.1. */
export interface Target {
  readonly socketPort: number;
  /** Path and query of the WebSocket, or of the first call over HTTP. */
  readonly socketPath: string;
  /** How subscribers are connected. Absent: by WebSockets. */
  readonly transport?: "sse" | "poll";
  /** What is spoken there. Default native. */
  readonly dialect?: DialectName;
  readonly publishPort: number;
  /** How to publish there. Default native. */
  readonly publishApi?: PublishApiName;
  /** Further request headers of a publish, each with its line end. */
  readonly publishHeaders: string;
  /** How many apps there are, which the connections of a crowd are spread over. Default 1. */
  readonly apps?: number;
}

/** Opens subscribers `from` up to (not including) `to`, each subscribed to its first channel. */
interface ConnectCommand {
  readonly command: "connect";
  readonly target: Target;
  readonly from: number;
  readonly to: number;
  /** `shared`: all on one channel; `own`: each on its own. */
  readonly channels: "shared" | "own";
  /** Connections under way at once. */
  readonly parallel: number;
}

/** What became of a connect or a subscribe. */
export interface ConnectReply {
  readonly seconds: number;
  /** Subscribers that are connected and subscribed now. */
  readonly ready: number;
  /** Connection attempts that failed and were made again. */
  readonly retries: number;
}

/** Subscribes connected subscribers `from` up to `to` to their own channels too. */
interface SubscribeOwnCommand {
  readonly command: "subscribe-own";
  readonly from: number;
  readonly to: number;
  readonly parallel: number;
}

/** Connects a crowd: connections that have many channels each, on which nothing is published. */
export interface CrowdCommand {
  readonly command: "crowd";
  readonly target: Target;
  readonly connections: number;
}

/** Has each connection of the crowd subscribe to channels of its own, or unsubscribe: those with the numbers `from` up to `to`. */
export interface CrowdChannelsCommand {
  readonly command: "crowd-channels";
  readonly act: "subscribe" | "unsubscribe";
  readonly from: number;
  readonly to: number;
}

/** Closes every connection at once. */
interface DropCommand {
  readonly command: "drop";
}

/** How publishes follow each other. */
export type LoadShape =
  /** So many a second, evenly. */
  | { readonly kind: "paced"; readonly perSecond: number }
  /** As fast as it goes with so many publishes neither answered nor delivered yet. */
  | { readonly kind: "closed-loop"; readonly outstanding: number };

/** Publishes for a while, waits until all is delivered, and counts. */
export interface LoadCommand {
  readonly command: "load";
  readonly target: Target;
  readonly channels: "shared" | "own";
  readonly shape: LoadShape;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Processes whose CPU time to take at the begin and the end. */
  readonly pids: readonly number[];
}

/** What a load did in the time measured (the warm-up is left out, but is checked for loss as well). */
export interface LoadReply {
  readonly seconds: number;
  readonly published: number;
  /** Deliveries that the publishes should have caused, and that came. */
  readonly expected: number;
  readonly delivered: number;
  /** Deliveries per read of a socket: how well the server put frames together. */
  readonly deliveriesPerRead: number;
  /** In the order of `pids`. */
  readonly cpu: readonly CpuTime[];
  readonly generatorCpuMs: number;
  /** From sending the publish to reading the frame, on a sample of the subscribers; NaN when there was none. */
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  /** From sending the publish to its answer. */
  readonly answerP50Ms: number;
  readonly answerP99Ms: number;
  /** Everything that went wrong, in words. Empty when every subscriber got exactly its deliveries. */
  readonly problems: readonly string[];
}

/** Publishes `count` events on the shared channel, one after the other. */
export interface PublishCommand {
  readonly command: "publish";
  readonly target: Target;
  readonly count: number;
}

/** Waits until each subscriber has got exactly `perSubscriber` deliveries since it connected. */
interface ExpectCommand {
  readonly command: "expect";
  readonly perSubscriber: number;
}

/** Has a client, connected before, subscribe with a position, and times how long it takes until it has what it missed. */
export interface RecoverCommand {
  readonly command: "recover";
  readonly target: Target;
  readonly channel: string;
  readonly position: string;
  /** Numbers of the events that it must get, in order: from `first`, so many. */
  readonly first: number;
  readonly missed: number;
}

/** How that went. The client stays connected until the next `drop`. */
export interface RecoverReply {
  /** From writing the subscribe until the last missed event was read. */
  readonly ms: number;
  readonly problems: readonly string[];
}

/** Connects clients of the numbered channel that keep their position, spread over several gateways. */
export interface FollowCommand {
  readonly command: "follow";
  readonly socketPorts: readonly number[];
  readonly socketPath: string;
  readonly clients: number;
  /** Connections under way at once. */
  readonly parallel: number;
}

/** Drops them all at once; each comes back at a random moment within `withinMs`, to a random gateway. */
interface ComeBackCommand {
  readonly command: "come-back";
  readonly withinMs: number;
}

/** How the return went. */
export interface ComeBackReply {
  /** From the drop until the last one was back; until the deadline when not all were. */
  readonly seconds: number;
  readonly retries: number;
}

/** Waits until every client has event number `last`, and tells what all of them got. */
interface FollowEndCommand {
  readonly command: "follow-end";
  readonly last: number;
}

/** What the clients of a process got. */
export interface FollowerReport {
  /** Clients that are back. */
  readonly returned: number;
  /** Clients that have every event, each once and in order. */
  readonly complete: number;
  /** Events that were left out before a later one, or are missing at the end. */
  readonly missing: number;
  /** Events that came a second time, or behind a later one. */
  readonly repeated: number;
  /** Clients that came back and were not told that nothing is missing, by reason. */
  readonly unrecovered: readonly (readonly [string, number])[];
  /** Gaps that were announced. */
  readonly gaps: number;
  /** Connections that a gateway closed. */
  readonly lost: number;
  /** Sampled deliveries that were not what was published. */
  readonly malformed: number;
  /** From publishing until reading, of all deliveries after the return. */
  readonly all: HistogramCounts;
  /** The same, of events that were published after the client was back. */
  readonly live: HistogramCounts;
}

/** Begins to publish numbered events, in order, on one HTTP connection. */
interface WriteCommand {
  readonly command: "write";
  readonly target: Target;
  readonly perSecond: number;
}

/** Ends that when the last publish is answered. */
interface WriteEndCommand {
  readonly command: "write-end";
}

/** What was written. */
export interface WriteReply {
  readonly published: number;
  readonly refused: number;
  readonly seconds: number;
}

/** What was wrong, in words; empty when nothing was. */
interface ProblemsReply {
  readonly problems: readonly string[];
}

/** Each command with its reply. */
export interface GeneratorCalls {
  connect: { readonly request: ConnectCommand; readonly reply: ConnectReply };
  "subscribe-own": { readonly request: SubscribeOwnCommand; readonly reply: ConnectReply };
  crowd: { readonly request: CrowdCommand; readonly reply: ProblemsReply };
  "crowd-channels": { readonly request: CrowdChannelsCommand; readonly reply: ProblemsReply };
  drop: { readonly request: DropCommand; readonly reply: ProblemsReply };
  load: { readonly request: LoadCommand; readonly reply: LoadReply };
  publish: { readonly request: PublishCommand; readonly reply: ProblemsReply };
  expect: { readonly request: ExpectCommand; readonly reply: ProblemsReply };
  recover: { readonly request: RecoverCommand; readonly reply: RecoverReply };
  follow: { readonly request: FollowCommand; readonly reply: ConnectReply };
  "come-back": { readonly request: ComeBackCommand; readonly reply: ComeBackReply };
  "follow-end": { readonly request: FollowEndCommand; readonly reply: FollowerReport };
  write: { readonly request: WriteCommand; readonly reply: ProblemsReply };
  "write-end": { readonly request: WriteEndCommand; readonly reply: WriteReply };
}

/** Any command. */
export type GeneratorCommand = GeneratorCalls[keyof GeneratorCalls]["request"];
/** Any reply. */
export type GeneratorReply = GeneratorCalls[keyof GeneratorCalls]["reply"];

/** What goes back over the channel between the processes: one for each command, in order. */
export type GeneratorAnswer =
  | { readonly ok: true; readonly reply: GeneratorReply }
  | { readonly ok: false; readonly message: string };
