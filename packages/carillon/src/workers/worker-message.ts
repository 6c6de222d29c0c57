import type { RunningAddresses } from "../carillon-process.ts";
import type { ServerFlags } from "../cli/main.ts";

/** What a worker is to be. */
export interface WorkerStart {
  readonly type: "start";
  /** Its place among the workers, from 0; one that replaces another has the same. */
  readonly index: number;
  /** The flags of the command that started all of them, with the ports of this one. */
  readonly flags: ServerFlags;
}

/** What a process says to its workers. `drain` is said once; the end of the link means the same. */
export type ToWorker = WorkerStart | { readonly type: "drain" } | { readonly type: "reload" };

/** What a worker says to the process that started it: once, when it accepts connections. */
export interface FromWorker {
  readonly type: "ready";
  readonly addresses: RunningAddresses;
}
