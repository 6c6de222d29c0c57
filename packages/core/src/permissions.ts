import {
  accept,
  allows,
  channelKind,
  isClientEventName,
  isServerChannel,
  type Result,
  refuse,
  type SubscribeTarget,
  userChannelOf,
} from "@carillon/protocol";
import type { App, ConnectionGrant } from "./ports/apps.ts";
import type { Authorizer } from "./ports/authorizer.ts";
import type { SignedInUser, SignIn } from "./users/signed-in-user.ts";

/** Who asks: a connection, and what its token grants. */
export interface Asker {
  readonly app: App;
  readonly connectionId: string;
  readonly grant: ConnectionGrant | null;
  readonly user: SignedInUser | null;
}

const ALLOWED: Result<void> = accept(undefined);

/** Whether a connection may subscribe. Says what is missing. */
export function maySubscribe(asker: Asker, authorizer: Authorizer, target: SubscribeTarget): Result<void> {
  const { app, grant, user, connectionId } = asker;
  if (app.settings.token.isRequired && grant === null && user === null) {
    return refuse("token_required", "this app wants a connection token before anything else: send it with refresh");
  }
  if (isServerChannel(target.channel)) return mayHearUser(user, target.channel);
  if (channelKind(target.channel) === "public") return ALLOWED;
  if (target.token !== undefined) {
    const { channel, token, data } = target;
    return authorizer.verifyChannelToken(app, { connectionId, channel, token, data })
      ? ALLOWED
      : refuse(
          "forbidden",
          "the channel token does not fit this connection, channel and data, or its key or secret is not the app's",
        );
  }
  if (grant !== null && allows(grant.capabilities, "subscribe", target.channel)) return ALLOWED;
  return grant === null
    ? refuse("token_required", "this channel wants a channel token, or a connection token that grants subscribe on it")
    : refuse(
        "forbidden",
        "the connection token does not grant subscribe on this channel, and there is no channel token",
      );
}

function mayHearUser(user: SignedInUser | null, channel: string): Result<void> {
  if (user !== null && channel === userChannelOf(user.id)) return ALLOWED;
  return refuse("forbidden", "only a connection on which a user has signed in gets what is sent to that user");
}

/** Whether a connection may sign a user in. Says what is missing. */
export function maySignIn(asker: Asker, authorizer: Authorizer, { token, data, user }: SignIn): Result<void> {
  const { app, connectionId } = asker;
  if (!app.settings.userAuthentication)
    return refuse("not_found", "the app has apps[].userAuthentication switched off");
  if (!authorizer.verifyUserToken(app, { connectionId, token, data })) {
    return refuse(
      "unauthorized",
      "the user token does not fit this connection and user data, or its key or secret is not the app's",
    );
  }
  return asker.user === null || asker.user.id === user.id
    ? ALLOWED
    : refuse("unauthorized", "another user has signed in on this connection: open a new one for this user");
}

/** Whether a connection may publish an event on a channel. `isSubscribed` says whether its subscription stands. */
export function mayPublish(
  { app, grant }: Asker,
  event: { readonly channel: string; readonly event: string },
  isSubscribed: boolean,
): Result<void> {
  if (grant !== null && allows(grant.capabilities, "publish", event.channel)) return ALLOWED;
  if (
    !app.settings.clientEvents.enabled ||
    !isClientEventName(event.event) ||
    channelKind(event.channel) === "public"
  ) {
    return refuse(
      "forbidden",
      "clients may publish where their connection token grants publish, or client-… events on private and presence channels where the app allows them",
    );
  }
  return isSubscribed
    ? ALLOWED
    : refuse("not_subscribed", "subscribe to the channel before sending client events on it");
}

/** Whether a connection may read the history of a channel. `isSubscribed` says whether its subscription stands. */
export function mayReadHistory({ app, grant }: Asker, channel: string, isSubscribed: boolean): Result<void> {
  if (app.settings.token.isRequired && grant === null) {
    return refuse("token_required", "this app wants a connection token before anything else: send it with refresh");
  }
  if (isSubscribed || (grant !== null && allows(grant.capabilities, "history", channel))) return ALLOWED;
  return refuse(
    "forbidden",
    "subscribe to the channel before reading its history, or show a connection token that grants history on it",
  );
}
