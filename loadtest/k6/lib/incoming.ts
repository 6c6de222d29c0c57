import type { Numbered } from "./numbered.ts";
import type { PhaseName } from "./phases.ts";

/** What the conductor tells all clients, on the channel that they share. */
export interface Control {
  readonly act: "begin" | "end" | "finish";
  /** 0 for `finish`. */
  readonly phase: number;
  readonly name: PhaseName | "finish";
  readonly seconds: number;
  /** With `end`: how many publications there were for everybody. */
  readonly last: number;
  /** With `end`: how many of those were refused. */
  readonly skipped: number;
}

/** What the threads of clients tell the conductor, on a channel of its own. */
export interface Report {
  /** Which thread. */
  readonly crowd: number;
  /** 0: all of its clients are subscribed. */
  readonly phase: number;
}

/** A frame as a client understands it. */
export type Incoming =
  | { readonly type: "welcome"; readonly connectionId: string }
  | {
      readonly type: "subscribed";
      readonly channels: readonly string[];
      /** Those that were refused. */
      readonly refused: readonly string[];
      /** Absent: nothing was asked for, or the channel keeps nothing. */
      readonly wasRecovered?: boolean;
      readonly position?: string;
      /** Who is there, for a presence channel. */
      readonly memberCount?: number;
    }
  /** `numbered` is null when it isn't what a load test publishes. */
  | { readonly type: "delivery"; readonly numbered: Numbered | null; readonly position?: string }
  | { readonly type: "control"; readonly control: Control }
  | { readonly type: "report"; readonly report: Report }
  | { readonly type: "history"; readonly count: number }
  | { readonly type: "members"; readonly count: number }
  | { readonly type: "reconnect"; readonly delayMs: number }
  | { readonly type: "refused"; readonly code: string }
  | { readonly type: "other" };

/** Event names of the kit. */
export const CONTROL_EVENT = "load.control";
export const REPORT_EVENT = "load.report";
export const NUMBERED_EVENT = "load.numbered";
export const CLIENT_EVENT = "client-load";
