import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { bundlePages, pageOf } from "./page-bundle.ts";

/** What a page is told. */
export interface PageSettings {
  /** Origin of the gateways. */
  readonly host: string;
  readonly channel: string;
  /** Default: all. */
  readonly transports?: readonly string[];
}

/**
 * An application's site: the page of test/pages, and its token route, which knows its visitor by a cookie and lets it onto its own
 * channel alone.
 */
export class Application implements AsyncDisposable {
  readonly url: string;
  readonly #close: () => Promise<void>;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.#close = close;
  }

  static async start(settings: PageSettings): Promise<Application> {
    const script = await bundle();
    const page = pageOf(script, { ...settings, authEndpoint: "/api/realtime/auth" });
    const server = createServer((request, response) => {
      if (request.url === "/api/realtime/auth") {
        void authorize(request, response);
        return;
      }
      // As a login would.
      const visitor = new URL(request.url ?? "/", "http://x").searchParams.get("visitor");
      response.setHeader("content-type", "text/html; charset=utf-8");
      if (visitor !== null) response.setHeader("set-cookie", `visitor=${visitor}; HttpOnly`);
      response.end(page);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const close = () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    return new Application(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, close);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}

async function authorize(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { channel, socketId } = JSON.parse(Buffer.concat(chunks).toString()) as { channel: string; socketId: string };
  const visitor = /visitor=(\w+)/.exec(request.headers.cookie ?? "")?.[1];
  if (visitor === undefined) {
    response.writeHead(401).end();
    return;
  }
  if (channel !== `private-user-${visitor}` && !channel.startsWith("presence-")) {
    response.writeHead(403).end();
    return;
  }
  const data = channel.startsWith("presence-") ? JSON.stringify({ user_id: visitor }) : undefined;
  const signed = [socketId, channel, ...(data === undefined ? [] : [data])].join(":");
  const token = `app-key:${createHmac("sha256", "app-secret").update(signed).digest("hex")}`;
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ token, ...(data === undefined ? {} : { data }) }));
}

let bundled: Promise<string> | null = null;

/** The page's script, made once for all tests of a file. */
function bundle(): Promise<string> {
  bundled ??= bundlePages("orders.tsx").then((made) => made.get("orders.js") ?? "");
  return bundled;
}
