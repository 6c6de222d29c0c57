"use client";
import type { Member, Presence } from "@carillon/client";
import { useCallback, useSyncExternalStore } from "react";
import { type UseChannelOptions, useRealtimeChannel } from "./use-realtime-channel.ts";

/** Who is on a presence channel, at one moment. */
export interface PresenceSnapshot<Info = unknown> {
  /** Empty on a channel that only tells numbers. */
  readonly members: readonly Member<Info>[];
  /** May be more than `members` has. */
  readonly count: number;
  /** The member that this page is; null for one that only watches, and before the channel is subscribed to. */
  readonly me: Member<Info> | null;
  /** False while there is no connection: what is told is what was known last. */
  readonly isCurrent: boolean;
}

const NOBODY: PresenceSnapshot = { members: [], count: 0, me: null, isCurrent: false };

/** The last snapshot of each, so that an unchanged one is the same object. */
const snapshots = new WeakMap<
  Presence,
  { readonly of: ReadonlyMap<string, Member>; readonly value: PresenceSnapshot }
>();

/** Listens to a presence channel for as long as the component is there, and answers who is on it. */
export function usePresence<Info = unknown>(channelName: string, options?: UseChannelOptions): PresenceSnapshot<Info> {
  const { presence } = useRealtimeChannel(channelName, options);
  // Nobody, whoever else holds the channel: else what is shown would depend on components that this one doesn't know of.
  const isEnabled = options?.isEnabled ?? true;
  const subscribe = useCallback((listener: () => void) => presence.on("change", listener), [presence]);
  const snapshot = useSyncExternalStore(
    subscribe,
    () => (isEnabled ? snapshotOf(presence) : NOBODY),
    () => NOBODY,
  );
  return snapshot as PresenceSnapshot<Info>;
}

function snapshotOf(presence: Presence): PresenceSnapshot {
  const { members, count, me, isCurrent } = presence;
  const known = snapshots.get(presence);
  const isSame = known?.of === members && known.value.count === count && known.value.isCurrent === isCurrent;
  if (isSame && known.value.me === me) return known.value;
  const value = { members: [...members.values()], count, me, isCurrent };
  snapshots.set(presence, { of: members, value });
  return value;
}
