"use client";
import { RealtimeClient } from "@carillon/client";
import { type ReactNode, useEffect, useState } from "react";
import type { Channels } from "@/lib/channels";
import { RealtimeProvider } from "@/lib/hooks";

interface Props {
  appKey: string;
  host: string;
  firstToken: string | null;
  children: ReactNode;
}

/** One connection for all that is inside. It begins when a component uses a channel, and ends when the page is left, by a link too. */
export function Realtime({ appKey, host, firstToken, children }: Props) {
  const [client] = useState(() => {
    let ready = firstToken;
    return new RealtimeClient<Channels>(appKey, {
      host,
      authEndpoint: "/api/realtime/auth",
      getToken: async () => {
        const token = ready ?? (await fetchToken());
        ready = null;
        return token;
      },
    });
  });
  useEffect(() => {
    // StrictMode, and whatever hides a page for a while, come back to the same client.
    if (client.state.status === "closed") client.connect();
    return () => client.close();
  }, [client]);
  return <RealtimeProvider client={client}>{children}</RealtimeProvider>;
}

async function fetchToken(): Promise<string> {
  const response = await fetch("/api/realtime/token");
  if (!response.ok) throw new Error(`/api/realtime/token answered ${response.status}`);
  return (await response.json()).token;
}
