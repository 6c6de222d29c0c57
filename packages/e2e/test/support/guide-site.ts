import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CarillonServer } from "@carillon/server";
import { bundlePages, pageOf } from "./page-bundle.ts";

/** Where Carillon is: for browsers, and for the site's server. */
export interface Origins {
  readonly gateway: string;
  readonly publisher: string;
}

/**
 * The guide's application: its page, its route that takes orders, and its route that gives out tokens. `?visitor=ID` signs in, by
 * a cookie.
 */
export class GuideSite implements AsyncDisposable {
  readonly url: string;
  readonly #close: () => Promise<void>;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.#close = close;
  }

  static async start(origins: Origins): Promise<GuideSite> {
    const script = (await bundlePages("guide.tsx")).get("guide.js") ?? "";
    const page = pageOf(script, { host: origins.gateway, authEndpoint: "/api/realtime/auth" });
    const answer = routes(origins.publisher);
    const server = createServer((request, response) => void answer(request, response, page));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const close = () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    return new GuideSite(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, close);
  }

  /** POSTs as a page of the site does, signed in or not. */
  post(path: string, body: unknown, visitor?: number): Promise<Response> {
    const cookie: HeadersInit = visitor === undefined ? {} : { cookie: `visitor=${visitor}` };
    return fetch(this.url + path, { method: "POST", headers: cookie, body: JSON.stringify(body) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}

function routes(host: string) {
  // The guide's code, but for the names of package and class. Nothing is to be added to make it work.
  const [appId, key, secret] = ["1001", "app-key", "app-secret"];
  const realtime = new CarillonServer({ appId, key, secret, host });

  return async (request: IncomingMessage, response: ServerResponse, page: string): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://site");
    const visitor = /visitor=(\d+)/.exec(request.headers.cookie ?? "")?.[1];
    if (pathname === "/api/orders") {
      const order = await bodyOf<{ id: number }>(request);
      await realtime.trigger("private-user-1", "order.created", order);
      response.writeHead(201).end();
    } else if (pathname === "/api/realtime/auth") {
      const { channel, socketId } = await bodyOf<{ channel: string; socketId: string }>(request);
      if (visitor === undefined || channel !== `private-user-${visitor}`) {
        response.writeHead(visitor === undefined ? 401 : 403).end();
        return;
      }
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ token: realtime.authenticateChannel(socketId, channel) }));
    } else {
      const signedIn = searchParams.get("visitor");
      if (signedIn !== null) response.setHeader("set-cookie", `visitor=${signedIn}; HttpOnly`);
      response.setHeader("content-type", "text/html; charset=utf-8");
      response.end(page);
    }
  };
}

async function bodyOf<Body>(request: IncomingMessage): Promise<Body> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return JSON.parse(text) as Body;
}
