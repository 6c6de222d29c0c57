import { RealtimeClient, type WebSocketConstructor } from "@carillon/client";
import { RealtimeProvider } from "@carillon/react";
import { TcpProxy } from "@carillon/testkit";
import { TestGateway, type TestGatewayOptions } from "@carillon/testkit/gateway";
import { cleanup } from "@testing-library/react";
import type { ReactNode } from "react";
import { WebSocket } from "ws";

/** A gateway, a client whose link can be harmed, and a provider of the client. `private-refused` is refused by the gateway. */
export class Page {
  readonly gateway: TestGateway;
  readonly client: RealtimeClient;
  readonly link: TcpProxy;

  private constructor(parts: Pick<Page, "gateway" | "client" | "link">) {
    this.gateway = parts.gateway;
    this.client = parts.client;
    this.link = parts.link;
  }

  static async start(options: TestGatewayOptions = {}): Promise<Page> {
    const gateway = await TestGateway.start(options);
    const link = await TcpProxy.start({ targetPort: () => Number(new URL(gateway.url).port) });
    const client = new RealtimeClient("app-key", {
      host: `ws://127.0.0.1:${link.port}`,
      // jsdom's own would ask for the test's origin and close slowly.
      WebSocket: WebSocket as unknown as WebSocketConstructor,
      minReconnectDelayMs: 20,
      maxReconnectDelayMs: 100,
      authorizeChannel: async ({ channel, socketId }) => {
        if (channel === "private-refused") return `app-key:${"0".repeat(64)}`;
        if (!channel.startsWith("presence-")) return gateway.channelToken(socketId, channel);
        const data = JSON.stringify({ user_id: "ann", user_info: { name: "Ann" } });
        return { token: gateway.channelToken(socketId, channel, data), data };
      },
    });
    return new Page({ gateway, client, link });
  }

  readonly Provider = ({ children }: { readonly children: ReactNode }) => (
    <RealtimeProvider client={this.client}>{children}</RealtimeProvider>
  );

  async [Symbol.asyncDispose](): Promise<void> {
    cleanup();
    this.client.close();
    await this.link.stop();
    await this.gateway[Symbol.asyncDispose]();
  }
}
