import { type ConversingClient, HttpClient, type HttpClientOptions, NativeClient } from "@carillon/testkit";
import type { TestGateway } from "@carillon/testkit/gateway";

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
