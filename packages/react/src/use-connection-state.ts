"use client";
import type { ConnectionState } from "@carillon/client";
import { useCallback, useSyncExternalStore } from "react";
import { useRealtimeClient } from "./provider.ts";

const ON_SERVER: ConnectionState = { status: "idle" };

/** Where the connection stands. On a server, and for the first render in the browser, `idle`. */
export function useConnectionState(): ConnectionState {
  const client = useRealtimeClient();
  const subscribe = useCallback((listener: () => void) => client.on("state", listener), [client]);
  return useSyncExternalStore(
    subscribe,
    () => client.state,
    () => ON_SERVER,
  );
}
