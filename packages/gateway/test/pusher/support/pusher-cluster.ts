import { MemoryBackbone, MemoryBus, MemoryClusterBackbone, MemoryClusterLink, MemoryHistory } from "@carillon/core";
import { randomIds, systemClock } from "@carillon/service";
import { PusherClient, type PusherFrame, TestGateway, type TestGatewayOptions } from "@carillon/testkit";

/** Gateways of one cluster, in this process. */
export class PusherCluster implements AsyncDisposable {
  readonly all: TestGateway[] = [];

  static async start(count: number, options: TestGatewayOptions = {}): Promise<PusherCluster> {
    const gateways = new PusherCluster();
    const backbone = new MemoryBackbone({ clock: systemClock });
    const cluster = new MemoryClusterBackbone();
    const history = new MemoryHistory({ backbone, clock: systemClock, ids: randomIds() });
    for (let index = 0; index < count; index++) {
      const bus = new MemoryBus(backbone);
      const clusterLink = new MemoryClusterLink(cluster);
      gateways.all.push(await TestGateway.start({ ...options, bus, history, clusterLink }));
    }
    return gateways;
  }

  at(index: number): TestGateway {
    const gateway = this.all[index];
    if (gateway === undefined) throw new RangeError("there is no such gateway");
    return gateway;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const gateway of this.all) {
      await gateway[Symbol.asyncDispose]();
      await gateway.bus.close();
    }
  }
}

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
