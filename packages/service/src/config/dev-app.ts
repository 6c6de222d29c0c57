import type { AppSettings } from "@carillon/core";
import { deepFreeze } from "./deep-freeze.ts";

/**
 * The app that `carillon dev` serves when none is configured. Its secrets are public knowledge: never reachable from
 * outside without an app of your own.
 */
export const DEV_APP: AppSettings = deepFreeze({
  id: "1001",
  key: "app-key",
  secrets: ["app-secret"],
  publishSecret: "guide-secret",
  enabled: true,
  allowedOrigins: ["*"],
  clientEvents: { enabled: true, perSecond: 10 },
  userAuthentication: true,
  watchlist: true,
  subscriptionCount: true,
  token: { isRequired: false, publicKeys: [], jwksUrl: null, issuer: null, audience: null },
  limits: {
    connections: 0,
    connectionsPerUser: 0,
    presenceMembers: 100,
    messageBytes: 10_240,
    batchEvents: 10,
    channelsPerPublish: 100,
    channelsPerConnection: 200,
    commandsPerSecond: 50,
    publishesPerSecond: 0,
    historyBytes: 0,
    blocks: 10_000,
  },
  webhooks: [],
});
