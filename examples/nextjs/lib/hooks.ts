"use client";
import { realtimeHooks } from "@carillon/react";
import type { Channels } from "./channels";

export const { RealtimeProvider, useConnectionState, useEvent, usePresence, useRealtimeChannel } =
  realtimeHooks<Channels>();
