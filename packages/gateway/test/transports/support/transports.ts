import { MemoryBackbone, MemoryBus, MemoryClusterBackbone, MemoryClusterLink, MemoryHistory } from "@carillon/core";
import { randomIds, systemClock } from "@carillon/service";
import {
  type ConversingClient,
  HttpClient,
  type HttpClientOptions,
  NativeClient,
  TestGateway,
  type TestGatewayOptions,
} from "@carillon/testkit";

/** A way to a gateway. */
export type TransportName = "websocket" | "sse" | "poll";

export const TRANSPORTS: readonly TransportName[] = ["websocket", "sse", "poll"];

/** How a client connects, whatever its way. */
export type ConnectOptions = Pick<HttpClientOptions, "query" | "origin" | "resumes">;

/** Connects, and waits for nothing. */
export async function connect(
  transport: TransportName,
  gateway: Pick<TestGateway, "url">,
  options: ConnectOptions = {},
): Promise<ConversingClient> {
  const { query = "", origin } = options;
  if (transport !== "websocket") return HttpClient.connect(gateway.url, { transport, ...options });
  const url = `${gateway.url.replace("http", "ws")}/ws?${query}`;
  return NativeClient.connect(url, origin === undefined ? {} : { origin });
}

/** Connects and waits for the welcome. */
export async function open(
  transport: TransportName,
  gateway: Pick<TestGateway, "url">,
  options: ConnectOptions = {},
): Promise<ConversingClient> {
  const client = await connect(transport, gateway, options);
  await client.nextFrame(({ type }) => type === "welcome");
  return client;
}

/** Gateways of one cluster, in this process, on one bus with histories. */
export class Gateways implements AsyncDisposable {
  readonly all: TestGateway[] = [];

  static async start(count: number, options: TestGatewayOptions = {}): Promise<Gateways> {
    const gateways = new Gateways();
    const backbone = new MemoryBackbone({ clock: systemClock });
    const history = new MemoryHistory({ backbone, clock: systemClock, ids: randomIds() });
    const cluster = new MemoryClusterBackbone();
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
