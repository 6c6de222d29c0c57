import type { AppLimits } from "@carillon/core";
import type { Result } from "@carillon/protocol";
import { BLOCK_ROUTES } from "./block-handler.ts";
import { CONTROL_ROUTES } from "./control-handler.ts";
import { CREDENTIAL_HEADERS } from "./credentials.ts";
import { readPlainPublish } from "./plain-publish.ts";
import { type PublishRequest, type PublishSource, readBatch, readPublish } from "./publish-request.ts";
import { PUSHER_ROUTES } from "./pusher/pusher-api.ts";

/** An address of the publish API: how its body is read, and how it is answered. */
export interface PublishRoute {
  readonly method: "POST";
  readonly path: string;
  /** True: answers speak of events by position. */
  readonly isBatch: boolean;
  readonly read: (source: PublishSource) => Result<readonly PublishRequest[]>;
  /** Reads the most common bodies, and quickly; null for those that it leaves to `read`. */
  readonly readPlain?: (bytes: Uint8Array, limits: AppLimits) => readonly PublishRequest[] | null;
}

/** Where events are published. */
export const PUBLISH_ROUTES: readonly PublishRoute[] = [
  { method: "POST", path: "/publish", isBatch: false, read: readPublish, readPlain: readPlainPublish },
  { method: "POST", path: "/publish/batch", isBatch: true, read: readBatch },
];

/** Where the history of a channel is read. */
export const HISTORY_ROUTE = { method: "GET", path: "/channels/:name/history" } as const;

/** Every address of the publish API. docs/http-api.md documents each; a test compares the two both ways. */
export const API_ROUTES: readonly { readonly method: string; readonly path: string }[] = [
  ...PUBLISH_ROUTES,
  HISTORY_ROUTE,
  ...CONTROL_ROUTES,
  ...PUSHER_ROUTES,
  ...BLOCK_ROUTES,
];

/** Headers that the publish API reads. */
export const PUBLISH_HEADERS: readonly string[] = [...CREDENTIAL_HEADERS, "content-type", "prefer"];
