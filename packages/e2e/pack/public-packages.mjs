/**
 * The packages that are published. A new one is a further entry here, and its bundle one in PUBLISHED of the Makefile.
 *
 * `check` is JavaScript that uses `sdk`, the package's exports, and throws when something is wrong; `types` is TypeScript
 * that imports the package by its name. `needs`: folders of our own packages that it stands on; `peers`: what an application
 * has of others. Sizes are in bytes; `minified` is what an application's bundle carries for all exports, compressed.
 */
export const PUBLIC_PACKAGES = [
  {
    name: "@carillon/server",
    folder: "server",
    limits: { tarball: 95_000, unpacked: 320_000, minified: 17_000 },
    check: `
      const server = new sdk.CarillonServer({ appId: "1", key: "k", secret: "s", host: "http://127.0.0.1:1" });
      const token = server.authenticateChannel("1.2", "private-a");
      if (!/^k:[0-9a-f]{64}$/.test(token)) throw new Error("no channel token: " + token);
      try {
        server.authenticateChannel("x", "private-a");
      } catch (error) {
        if (!(error instanceof sdk.CarillonError) || error.code !== "invalid_field") throw error;
      }`,
    types: `
      import { CarillonError, CarillonServer, type TriggerResult } from "@carillon/server";
      type Channels = { orders: { created: { id: number } }; [name: \`private-\${string}\`]: { badge: number } };
      const server = new CarillonServer<Channels>({ appId: "1", key: "k", secret: "s", host: "http://127.0.0.1:1" });
      export const token: string = server.authenticateChannel("1.2", "private-a");
      export const results: Promise<TriggerResult>[] = [
        server.trigger("orders", "created", { id: 1 }),
        server.trigger("private-a", "badge", 3),
      ];
      // @ts-expect-error another payload
      server.trigger("orders", "created", { id: "1" });
      export const error: Error = new CarillonError("invalid_field", "x");`,
  },
  {
    name: "@carillon/client",
    folder: "client",
    limits: { tarball: 120_000, unpacked: 500_000, minified: 9_216 },
    check: `
      const client = new sdk.RealtimeClient("k", { host: "ws://127.0.0.1:1", autoConnect: false });
      const channel = client.subscribe("news");
      if (channel.state.status !== "subscribing" || client.state.status !== "idle") throw new Error("wrong states");
      client.close();`,
    types: `
      import { type Channel, RealtimeClient } from "@carillon/client";
      import { msgpack } from "@carillon/client/msgpack";
      type Channels = { orders: { created: { id: number } }; [name: \`private-\${string}\`]: { badge: number } };
      const client = new RealtimeClient<Channels>("k", { host: "ws://127.0.0.1:1", format: msgpack });
      export const channel: Channel<Channels["orders"]> = client.subscribe("orders");
      channel.bind("created", (order) => order.id.toFixed());
      // @ts-expect-error no such event
      channel.bind("crated", () => undefined);`,
  },
  {
    name: "@carillon/react",
    folder: "react",
    // What it stands on, besides React: our own client.
    needs: ["client"],
    peers: ["react@19.3.1", "@types/react@19.3.0"],
    limits: { tarball: 10_000, unpacked: 50_000 },
    check: `
      if (typeof sdk.useRealtimeChannel !== "function" || typeof sdk.RealtimeProvider !== "function") throw new Error("no hooks");`,
    types: `
      import { RealtimeClient } from "@carillon/client";
      import { realtimeHooks, RealtimeProvider, useRealtimeChannel } from "@carillon/react";
      import type { FunctionComponent } from "react";
      type Channels = { orders: { created: { id: number } } };
      const { useEvent } = realtimeHooks<Channels>();
      const client = new RealtimeClient<Channels>("k", { host: "ws://127.0.0.1:1" });
      export const Orders: FunctionComponent = () => {
        useEvent("orders", "created", (order) => order.id.toFixed());
        useRealtimeChannel("any").bind("x", (anything) => anything.whatever);
        return RealtimeProvider({ client });
      };`,
  },
  {
    name: "@carillon/pusher-recovery",
    folder: "pusher-recovery",
    peers: ["pusher-js@8.6.0"],
    limits: { tarball: 20_000, unpacked: 60_000, minified: 2_048 },
    check: `
      if (typeof sdk.enableRecovery !== "function" || sdk.RECOVERY_FAILED !== "carillon:recovery_failed") throw new Error("no plugin");`,
    types: `
      import { enableRecovery, type PusherLike, type RecoveryFailure, type RecoveryState } from "@carillon/pusher-recovery";
      declare const pusher: PusherLike;
      export const state: RecoveryState = enableRecovery(pusher, {
        onFailure: ({ channel }: RecoveryFailure) => channel.toUpperCase(),
      });
      // @ts-expect-error not a client
      enableRecovery({});`,
  },
];
