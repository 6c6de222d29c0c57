import type { Tally } from "./tally.ts";

/** What a process with clients is told. */
export type CrowdOrder =
  | {
      readonly kind: "start";
      readonly key: string;
      readonly first: number;
      readonly count: number;
      readonly channels: number;
      /** Over how long they come, in ms. */
      readonly spreadMs: number;
    }
  /** Where connections are taken now, as `address:port`. */
  | { readonly kind: "fronts"; readonly fronts: readonly string[] }
  /** Answer the tally as it is, and who doesn't have these numbers yet, by channel. */
  | { readonly kind: "ask"; readonly last?: Readonly<Record<string, number>> }
  /** Forget what was counted. */
  | { readonly kind: "reset" }
  /** These were the last numbers, by channel: count what is missing, and answer. */
  | { readonly kind: "finish"; readonly last: Readonly<Record<string, number>> }
  | { readonly kind: "stop" };

/** What it answers. */
export interface CrowdAnswer {
  readonly tally: Tally;
  /** Clients that don't have the last number of each channel with a history yet. */
  readonly behind: number;
}
