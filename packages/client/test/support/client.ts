import { RealtimeClient, type RealtimeClientOptions, type WebSocketConstructor } from "@carillon/client";
import { TcpProxy, type TcpProxyOptions } from "@carillon/testkit";
import { TestGateway, type TestGatewayOptions } from "@carillon/testkit/gateway";
import { WebSocket } from "ws";

/** In a hurry, so that tests need not wait. */
const HURRIED: Partial<RealtimeClientOptions> = {
  WebSocket: WebSocket as unknown as WebSocketConstructor,
  minReconnectDelayMs: 20,
  maxReconnectDelayMs: 200,
};

/** A gateway, a link to it that can be harmed, and a client at the end of the link. */
export class Pair {
  readonly client: RealtimeClient;
  readonly gateway: TestGateway;
  readonly link: TcpProxy;

  private constructor(parts: Pick<Pair, "client" | "gateway" | "link">) {
    this.client = parts.client;
    this.gateway = parts.gateway;
    this.link = parts.link;
  }

  static async start(
    gatewayOptions: TestGatewayOptions = {},
    { key = "app-key", ...options }: Partial<RealtimeClientOptions> & { readonly key?: string } = {},
    linkOptions: Pick<TcpProxyOptions, "breakAfter"> = {},
  ): Promise<Pair> {
    const gateway = await TestGateway.start(gatewayOptions);
    const link = await TcpProxy.start({ targetPort: () => Number(new URL(gateway.url).port), ...linkOptions });
    const client = new RealtimeClient(key, { host: `ws://127.0.0.1:${link.port}`, ...HURRIED, ...options });
    return new Pair({ client, gateway, link });
  }

  /** Cuts the link, and heals it once the client has noticed and `meanwhile` has passed. */
  async interrupt(meanwhile: () => Promise<unknown> = async () => undefined): Promise<void> {
    const gone = new Promise<void>((resolve) => {
      const stop = this.client.on("state", ({ status }) => {
        if (status !== "waiting") return;
        stop();
        resolve();
      });
    });
    this.link.cut();
    await gone;
    await meanwhile();
    this.link.heal();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.link.stop();
    await this.gateway[Symbol.asyncDispose]();
  }
}
