"use client";
import type { AnyEvents, Channel, ChannelState, SubscribeOptions } from "@carillon/client";
import { useCallback, useEffect, useSyncExternalStore } from "react";
import { useRealtimeClient } from "./provider.ts";

/** How a channel is used. */
export interface UseChannelOptions extends SubscribeOptions {
  /** False: the channel is known, and not listened to, whoever else does. Default true. */
  readonly isEnabled?: boolean;
}

/**
 * Listens to a channel for as long as the component is there, and answers it: the same object for the same name. Renders again
 * when the channel's state changes. Several components may use one channel, which is subscribed to once. `rewind` and `since`
 * count where nobody has said yet how to subscribe.
 *
 * @example
 * const channel = useRealtimeChannel(`private-user-${userId}`);
 * useEffect(() => {
 *   const add = (order: Order) => setOrders((orders) => [order, ...orders]);
 *   channel.bind("order.created", add);
 *   return () => void channel.unbind("order.created", add);
 * }, [channel]);
 */
export function useRealtimeChannel<Events = AnyEvents>(
  name: string,
  { isEnabled = true, rewind, since }: UseChannelOptions = {},
): Channel<Events> {
  const client = useRealtimeClient();
  const channel = client.channel(name) as unknown as Channel<Events>;
  useEffect(() => {
    if (!isEnabled) return;
    const options = { ...(rewind === undefined ? {} : { rewind }), ...(since === undefined ? {} : { since }) };
    return client.hold(name, options).release;
  }, [client, name, isEnabled, rewind, since]);
  useChannelState(channel);
  return channel;
}

const ON_SERVER: ChannelState = { status: "detached" };

/** Where a channel stands. On a server, and for the first render in the browser, `detached`. */
export function useChannelState(channel: Pick<Channel, "on" | "state">): ChannelState {
  const subscribe = useCallback((listener: () => void) => channel.on("state", listener), [channel]);
  return useSyncExternalStore(
    subscribe,
    () => channel.state,
    () => ON_SERVER,
  );
}
