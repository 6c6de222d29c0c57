import { PusherClient, type PusherFrame } from "@carillon/testkit";
import type { TestGateway } from "@carillon/testkit/gateway";

/** What an auth endpoint answers for a private channel. */
export function privateAuth(gateway: TestGateway, client: PusherClient, channel: string, data?: string) {
  return {
    auth: gateway.channelToken(client.socketId, channel, data),
    ...(data === undefined ? {} : { channel_data: data }),
  };
}

/** Enters a presence channel as a user. */
export async function enter(
  gateway: TestGateway,
  client: PusherClient,
  channel: string,
  member: Readonly<Record<string, unknown>>,
): Promise<PusherFrame> {
  return client.subscribe(channel, privateAuth(gateway, client, channel, JSON.stringify(member)));
}

/** Signs a user in, and resolves once that is answered. */
export async function signIn(
  gateway: TestGateway,
  client: PusherClient,
  user: Readonly<Record<string, unknown>>,
): Promise<PusherFrame> {
  const data = JSON.stringify(user);
  const before = client.all("pusher:signin_success").length;
  client.send("pusher:signin", { auth: gateway.userToken(client.socketId, data), user_data: data });
  return client.next("pusher:signin_success", undefined, before + 1);
}

/** A connected client of a gateway's first app. */
export const open = (gateway: TestGateway): Promise<PusherClient> => PusherClient.open(gateway.pusherUrl);

/** The `data` of a frame, which must be a string of JSON text. */
export function dataOf(frame: PusherFrame | undefined): unknown {
  if (typeof frame?.data !== "string") throw new Error(`data is no string in ${JSON.stringify(frame)}`);
  return JSON.parse(frame.data);
}
