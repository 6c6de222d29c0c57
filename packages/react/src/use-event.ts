"use client";
import type { AnyEvents, EventListener } from "@carillon/client";
import { useEffect, useLayoutEffect, useRef } from "react";
import { type UseChannelOptions, useRealtimeChannel } from "./use-realtime-channel.ts";

/** A layout effect where there is a layout; on a server React would warn of it. */
const useCommitEffect = typeof document === "undefined" ? useEffect : useLayoutEffect;

/**
 * Calls `listener` with the payload of each event of a channel for as long as the component is there. The listener of the newest
 * render counts, so it needs no memo.
 *
 * @example
 * useEvent(`private-user-${userId}`, "order.created", (order: Order) => setOrders((orders) => [order, ...orders]));
 */
export function useEvent<Events = AnyEvents, Name extends keyof Events & string = keyof Events & string>(
  channelName: string,
  event: Name,
  listener: EventListener<Events[Name]>,
  options?: UseChannelOptions,
): void {
  const channel = useRealtimeChannel<Events>(channelName, options);
  const isEnabled = options?.isEnabled ?? true;
  const newest = useRef(listener);
  useCommitEffect(() => {
    newest.current = listener;
  });
  useEffect(() => {
    // What others hold is not for this component to hear.
    if (!isEnabled) return;
    const call: EventListener<Events[Name]> = (payload, meta) => newest.current(payload, meta);
    channel.bind(event, call);
    return () => void channel.unbind(event, call);
  }, [channel, event, isEnabled]);
}
