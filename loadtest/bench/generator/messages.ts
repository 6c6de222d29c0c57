import type { CpuTime } from "../process-usage.ts";

/** Where the servers of a contender listen; all on 127.0.0.1. */
export interface Target {
  readonly socketPort: number;
  /** Path and query of the WebSocket. */
  readonly socketPath: string;
  readonly publishPort: number;
  /** Further request headers of a publish, each with its line end. */
  readonly publishHeaders: string;
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

/** What was wrong, in words; empty when nothing was. */
interface ProblemsReply {
  readonly problems: readonly string[];
}

/** Each command with its reply. */
export interface GeneratorCalls {
  connect: { readonly request: ConnectCommand; readonly reply: ConnectReply };
  "subscribe-own": { readonly request: SubscribeOwnCommand; readonly reply: ConnectReply };
  drop: { readonly request: DropCommand; readonly reply: ProblemsReply };
  load: { readonly request: LoadCommand; readonly reply: LoadReply };
  publish: { readonly request: PublishCommand; readonly reply: ProblemsReply };
  expect: { readonly request: ExpectCommand; readonly reply: ProblemsReply };
}

/** Any command. */
export type GeneratorCommand = GeneratorCalls[keyof GeneratorCalls]["request"];
/** Any reply. */
export type GeneratorReply = GeneratorCalls[keyof GeneratorCalls]["reply"];

/** What goes back over the channel between the processes: one for each command, in order. */
export type GeneratorAnswer =
  | { readonly ok: true; readonly reply: GeneratorReply }
  | { readonly ok: false; readonly message: string };
