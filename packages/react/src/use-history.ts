"use client";
import {
  CarillonError,
  type Channel,
  type ChannelState,
  type HistoryEvent,
  type HistoryOptions,
} from "@carillon/client";
import { useCallback, useEffect, useMemo, useState } from "react";
import { useConnectionState } from "./use-connection-state.ts";
import { useChannelState, useRealtimeChannel } from "./use-realtime-channel.ts";

/** What a history comes to. */
export interface HistoryResult<Payload = unknown> {
  readonly events: readonly HistoryEvent<Payload>[];
  readonly isLoading: boolean;
  /** Why it could not be read, or can't be: a refused channel's error, too, and that of a closed client. Null when there is none. */
  readonly error: CarillonError | null;
  /** True when there is more in the direction of `loadMore`. */
  readonly hasMore: boolean;
  /** Reads on; for `forward` only. No effect while it is reading, or when there is no more. */
  readonly loadMore: () => void;
  /** Reads it anew, as after a gap. */
  readonly reload: () => void;
}

interface Loaded {
  /** What it was read of: the component may be at another channel by now. */
  readonly of: Channel;
  readonly events: readonly HistoryEvent[];
  readonly hasMore: boolean;
  readonly error: CarillonError | null;
  readonly isLoading: boolean;
}

const nothingOf = (channel: Channel): Loaded => ({
  of: channel,
  events: [],
  hasMore: false,
  error: null,
  isLoading: true,
});

/** Reads a channel's history once the channel is subscribed to, and again when events may have been missed. */
export function useHistory<Payload = unknown>(
  channelName: string,
  { limit, since, direction }: HistoryOptions = {},
): HistoryResult<Payload> {
  const channel = useRealtimeChannel(channelName);
  const channelState = useChannelState(channel);
  const isSubscribed = channelState.status === "subscribed";
  const refusal = useRefusal(channelState);
  const [kept, setLoaded] = useState(() => nothingOf(channel));
  const loaded = useMemo(() => (kept.of === channel ? kept : nothingOf(channel)), [kept, channel]);
  const [round, setRound] = useState(0);

  const read = useCallback(
    (from: string | undefined) =>
      channel.history({
        ...(limit === undefined ? {} : { limit }),
        ...(direction === undefined ? {} : { direction }),
        ...(from === undefined ? {} : { since: from }),
      }),
    [channel, limit, direction],
  );
  const reload = useCallback(() => setRound((number) => number + 1), []);

  useEffect(() => channel.on("gap", reload), [channel, reload]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another round is another reading.
  useEffect(() => {
    if (!isSubscribed) return;
    let isGone = false;
    setLoaded((before) => (before.of === channel ? { ...before, isLoading: true } : nothingOf(channel)));
    read(since).then(
      ({ events, hasMore }) => !isGone && setLoaded({ of: channel, events, hasMore, error: null, isLoading: false }),
      (error: unknown) => !isGone && setLoaded((before) => ({ ...before, error: asError(error), isLoading: false })),
    );
    return () => {
      isGone = true;
    };
  }, [isSubscribed, channel, read, since, round]);

  const loadMore = useCallback(() => {
    const last = loaded.events.at(-1);
    if (loaded.isLoading || !loaded.hasMore || direction === "backward" || last === undefined) return;
    setLoaded((before) => ({ ...before, isLoading: true }));
    read(last.position).then(
      ({ events, hasMore }) =>
        // Unless it was read anew meanwhile.
        setLoaded((before) =>
          before.events.at(-1) === last
            ? { ...before, events: [...before.events, ...events], hasMore, error: null, isLoading: false }
            : before,
        ),
      (error: unknown) =>
        setLoaded((before) =>
          before.events.at(-1) === last ? { ...before, error: asError(error), isLoading: false } : before,
        ),
    );
  }, [loaded, direction, read]);

  const { of: _, ...told } = loaded;
  const outcome = refusal === null ? told : { ...told, error: refusal, isLoading: false };
  return { ...outcome, loadMore, reload } as HistoryResult<Payload>;
}

/** Why nothing will be read until somebody mends it: the channel is refused, or the client closed. Null while there is hope. */
function useRefusal(channelState: ChannelState): CarillonError | null {
  const connection = useConnectionState();
  const closed = connection.status === "closed" ? connection.reason : null;
  return useMemo(() => {
    if (channelState.status === "failed") return channelState.error;
    return closed === null ? null : new CarillonError(closed.code, closed.message);
  }, [channelState, closed]);
}

function asError(error: unknown): CarillonError {
  return error instanceof CarillonError ? error : new CarillonError("internal_error", String(error), { cause: error });
}
