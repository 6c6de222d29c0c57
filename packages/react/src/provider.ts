"use client";
import type { RealtimeClient } from "@carillon/client";
import { createContext, createElement, type ReactElement, type ReactNode, useContext } from "react";

/** Whatever channels a client declares: what is behind the context can't know. */
// biome-ignore lint/suspicious/noExplicitAny: a client of declared channels is none of others, and both may be provided.
export type AnyClient = RealtimeClient<any>;

const ClientContext = createContext<AnyClient | null>(null);

/** What a RealtimeProvider takes. */
export interface RealtimeProviderProps {
  /** Made once, outside of components. Its connection begins with the first channel that a component uses. */
  readonly client: AnyClient;
  readonly children?: ReactNode;
}

/**
 * Gives the hooks below it their client. All of them share its one connection, and each channel is subscribed to once, however many
 * components use it.
 *
 * @example
 * const client = new RealtimeClient("app-key", { host: "wss://realtime.example.com" });
 * export const Providers = ({ children }) => <RealtimeProvider client={client}>{children}</RealtimeProvider>;
 */
export function RealtimeProvider({ client, children }: RealtimeProviderProps): ReactElement {
  return createElement(ClientContext.Provider, { value: client }, children);
}

/** The client of the nearest provider. Throws where there is none. */
export function useRealtimeClient(): AnyClient {
  const client = useContext(ClientContext);
  if (client === null) throw new Error("hooks of @carillon/react work below <RealtimeProvider client={…}> only");
  return client;
}
