"use client";
import type {
  Channel,
  ChannelMap,
  ChannelNameOf,
  EventListener,
  EventsOf,
  HistoryOptions,
  PastEvent,
  RealtimeClient,
} from "@carillon/client";
import type { ReactElement, ReactNode } from "react";
import { RealtimeProvider, useRealtimeClient } from "./provider.ts";
import { useConnectionState } from "./use-connection-state.ts";
import { useEvent } from "./use-event.ts";
import { type HistoryResult, useHistory } from "./use-history.ts";
import { type PresenceSnapshot, usePresence } from "./use-presence.ts";
import { type UseChannelOptions, useRealtimeChannel } from "./use-realtime-channel.ts";

/** The history of a channel with these events. What is kept was published earlier, maybe by a version with other types. */
export interface TypedHistoryResult<Events> extends Omit<HistoryResult, "events"> {
  readonly events: readonly PastEvent<Events>[];
}

/** The hooks of an application that has declared its channels. */
export interface RealtimeHooks<Channels extends ChannelMap> {
  readonly RealtimeProvider: (props: {
    readonly client: RealtimeClient<Channels>;
    readonly children?: ReactNode;
  }) => ReactElement;
  readonly useRealtimeClient: () => RealtimeClient<Channels>;
  readonly useConnectionState: typeof useConnectionState;
  readonly useRealtimeChannel: <Name extends ChannelNameOf<Channels>>(
    name: Name,
    options?: UseChannelOptions,
  ) => Channel<EventsOf<Channels, Name>>;
  readonly useEvent: <Name extends ChannelNameOf<Channels>, Event extends keyof EventsOf<Channels, Name> & string>(
    name: Name,
    event: Event,
    listener: EventListener<EventsOf<Channels, Name>[Event]>,
    options?: UseChannelOptions,
  ) => void;
  readonly usePresence: <Info = unknown>(
    name: ChannelNameOf<Channels>,
    options?: UseChannelOptions,
  ) => PresenceSnapshot<Info>;
  readonly useHistory: <Name extends ChannelNameOf<Channels>>(
    name: Name,
    options?: HistoryOptions,
  ) => TypedHistoryResult<EventsOf<Channels, Name>>;
}

const HOOKS = {
  RealtimeProvider,
  useRealtimeClient,
  useConnectionState,
  useRealtimeChannel,
  useEvent,
  usePresence,
  useHistory,
};

/**
 * The same hooks with the types of declared channels: names, events and payloads are inferred.
 *
 * @example
 * interface Channels {
 *   orders: { "order.created": { id: number } };
 * }
 * export const { RealtimeProvider, useEvent } = realtimeHooks<Channels>();
 */
export function realtimeHooks<Channels extends ChannelMap>(): RealtimeHooks<Channels> {
  return HOOKS as unknown as RealtimeHooks<Channels>;
}
