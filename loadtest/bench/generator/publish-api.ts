import { centrifugoPublish } from "./publish-apis/centrifugo.ts";
import { nativePublish } from "./publish-apis/native.ts";
import { pusherPublish } from "./publish-apis/pusher.ts";

/** How an application publishes over HTTP. Every request is one POST. */
export interface PublishApi {
  /** Path and query of the request with this body. */
  path(body: string): string;
  /** Makes the body of an event published on a channel now. */
  body(channel: string): string;
  /** True when an answer says that the event was taken. */
  isAccepted(status: number, body: string): boolean;
}

/** Name of a {@link PublishApi}. */
export type PublishApiName = "native" | "pusher" | "centrifugo";

/** The APIs, by name. The baselines have `native`. */
export const PUBLISH_APIS: Readonly<Record<PublishApiName, PublishApi>> = {
  native: nativePublish,
  pusher: pusherPublish,
  centrifugo: centrifugoPublish,
};
