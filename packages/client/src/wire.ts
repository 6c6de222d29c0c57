import type { MembersFrame, PresenceFrame, ServerFrame } from "@carillon/protocol";

/** An event as it comes over the wire (N31). */
export interface WireDelivery {
  readonly type?: undefined;
  readonly channel: string;
  readonly event: string;
  readonly payload: unknown;
  readonly position?: string;
  readonly receipt?: string;
}

/** A reply to a history command as it comes over the wire (N54). */
export interface WireHistory {
  readonly type: "history";
  readonly id?: string | number;
  readonly channel: string;
  readonly publications: readonly {
    readonly event: string;
    readonly payload: unknown;
    readonly position: string;
    readonly time: number;
  }[];
  readonly position: string;
  readonly hasMore: boolean;
  readonly reachable?: boolean;
}

/** Whatever the server sends. */
export type WireFrame = ServerFrame | WireHistory | WireDelivery | PresenceFrame | MembersFrame;

/** A command, before it has an id. */
export type WireCommand = { readonly type: string } & Readonly<Record<string, unknown>>;
