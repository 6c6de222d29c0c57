import { createHmac } from "node:crypto";
import { HttpClient, NativeClient, PusherClient } from "@carillon/testkit";

/** How visitors come: the way decides protocol and transport. */
export type Way = "native" | "pusher" | "sse" | "poll";

/** Where, and as what, visitors come. */
export interface Destination {
  /** `127.0.0.1:port` of what leads each address to one of the gateways. */
  readonly balancer: string;
  /** The same of the gateways themselves. */
  readonly gateways: readonly string[];
  readonly key: string;
  readonly secret: string;
}

/** Who comes, and for what. */
export interface Visitor {
  /** Tells visitors apart: each native one has an address of its own, as the balancer goes by it. */
  readonly number: number;
  readonly channels: readonly string[];
}

/** Somebody who is there for a while. */
export interface Stay extends AsyncDisposable {
  /** Resolves when the connection has ended, whoever ended it. */
  readonly ended: Promise<unknown>;
}

interface Subscriber {
  readonly channels: readonly string[];
  readonly user: string;
}

/** How many visitors also ask for what they may not have. */
const CURIOUS = 0.1;

/** Comes, and subscribes to some channels; a presence channel under a name of its own. Rejects where it is refused. */
export async function visit(way: Way, to: Destination, { number, channels }: Visitor): Promise<Stay> {
  const subscriber = { channels, user: `user-${number}` };
  // Clients whose address can't be chosen go to any gateway by themselves.
  const gateway = to.gateways[Math.floor(Math.random() * to.gateways.length)] ?? to.balancer;
  if (way === "pusher") return visitAsPusher(gateway, to, subscriber);
  const query = `key=${to.key}`;
  const client =
    way === "native"
      ? await NativeClient.open(`ws://${to.balancer}/ws?${query}`, { localAddress: `127.0.1.${1 + (number % 250)}` })
      : await HttpClient.open(`http://${gateway}`, { transport: way, query });
  return subscribeAsNative(client, to, subscriber);
}

async function subscribeAsNative(
  client: NativeClient | HttpClient,
  to: Destination,
  { channels, user }: Subscriber,
): Promise<Stay> {
  for (const channel of channels) {
    // Nobody keeps the epoch `other`: who comes back with it can't recover, which is counted too.
    const more = channel.startsWith("orders-") && user.endsWith("7") ? { recover: "other:1" } : {};
    await client.subscribe(channel, { ...more, ...proofOf(to, client.connectionId, { channel, user }) });
  }
  await client.request({ type: "history", channel: channels[0], limit: 10 });
  if (Math.random() < CURIOUS) await client.request({ type: "subscribe", channel: "private-of-somebody-else" });
  const tidy = setInterval(() => client.forget(() => true), 1_000);
  void client.closed.then(() => clearInterval(tidy));
  return { ended: client.closed, [Symbol.asyncDispose]: () => client.close() };
}

async function visitAsPusher(gateway: string, to: Destination, { channels, user }: Subscriber): Promise<Stay> {
  const client = await PusherClient.open(`ws://${gateway}/app/${to.key}?protocol=7`);
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
