import { createHmac } from "node:crypto";
import { HttpClient, NativeClient, PusherClient } from "@carillon/testkit";

/** How visitors come: the way decides protocol and transport. */
export type Way = "native" | "pusher" | "sse" | "poll";

/** Where, and as what, visitors come. */
export interface Destination {
  /** `127.0.0.1:port` of what leads to the gateways. */
  readonly host: string;
  readonly key: string;
  readonly secret: string;
}

/** Somebody who is there for a while. */
export interface Stay extends AsyncDisposable {
  /** Resolves when the connection has ended, whoever ended it. */
  readonly ended: Promise<unknown>;
}

/** Comes, and subscribes to some channels; a presence channel under the name `user`. Rejects where it is refused. */
export async function visit(
  way: Way,
  to: Destination,
  { channels, user }: { channels: readonly string[]; user: string },
) {
  return way === "pusher" ? visitAsPusher(to, channels, user) : visitAsNative(way, to, channels, user);
}

async function visitAsNative(
  way: "native" | "sse" | "poll",
  to: Destination,
  channels: readonly string[],
  user: string,
): Promise<Stay> {
  const query = `key=${to.key}`;
  const client =
    way === "native"
      ? await NativeClient.open(`ws://${to.host}/ws?${query}`)
      : await HttpClient.open(`http://${to.host}`, { transport: way, query });
  for (const channel of channels) {
    // Nobody keeps the epoch `other`: who comes back with it can't recover, which is counted too.
    const more = channel.startsWith("orders-") && user.endsWith("7") ? { recover: "other:1" } : {};
    await client.subscribe(channel, { ...more, ...proofOf(to, client.connectionId, { channel, user }) });
  }
  if (way === "native") await client.request({ type: "history", channel: channels[0], limit: 10 });
  const tidy = setInterval(() => client.forget(() => true), 1_000);
  void client.closed.then(() => clearInterval(tidy));
  return { ended: client.closed, [Symbol.asyncDispose]: () => client.close() };
}

async function visitAsPusher(to: Destination, channels: readonly string[], user: string): Promise<Stay> {
  const client = await PusherClient.open(`ws://${to.host}/app/${to.key}?protocol=7`);
  for (const channel of channels) {
    const { token, data } = proofOf(to, client.socketId, { channel, user });
    await client.subscribe(channel, token === undefined ? {} : { auth: token, channel_data: data });
  }
  const tidy = setInterval(() => {
    client.frames.length = 0;
    client.texts.length = 0;
  }, 1_000);
  void client.closed.then(() => clearInterval(tidy));
  return { ended: client.closed, [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() };
}

interface Proof {
  readonly token?: string;
  readonly data?: string;
}

/** What an application's token route signs, for a channel that wants it. */
function proofOf(
  { key, secret }: Destination,
  id: string,
  { channel, user }: { channel: string; user: string },
): Proof {
  if (!/^(?:private|presence)-/.test(channel)) return {};
  const data = JSON.stringify({ user_id: user });
  const signature = createHmac("sha256", secret).update(`${id}:${channel}:${data}`).digest("hex");
  return { token: `${key}:${signature}`, data };
}
