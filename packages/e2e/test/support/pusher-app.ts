import { createServer, type Server, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { PAGE_PATH, pageHtml, SCRIPT_PATH, webBuild } from "./pusher-page.ts";

const load = createRequire(import.meta.url);

/** pusher-js as applications get it from npm; its build for Node can decrypt. */
type PusherJsClass = typeof import("pusher-js")["default"];
export type PusherJs = InstanceType<PusherJsClass>;
const PusherJsClient = load("pusher-js") as PusherJsClass;
const PusherServer = load("pusher") as typeof import("pusher");

/** Of the development app. */
const APP = { appId: "1001", key: "app-key", secret: "app-secret" };
const MASTER_KEY = Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString("base64");

/** Where clients connect: a process of Carillon, or what stands before it. */
export interface Address {
  readonly url: string;
}

/** What a connection says about itself to the auth endpoints. */
export interface Visitor {
  readonly id: string;
  readonly info?: Readonly<Record<string, unknown>>;
  readonly watchlist?: readonly string[];
}

/**
 * An application as it is on Pusher: auth endpoints that sign with the `pusher` package, asked by pusher-js over HTTP. Who
 * asks is told by the query, as a cookie would. Its site has the page that {@link PusherPage} opens.
 */
export class PusherApplication implements AsyncDisposable {
  /** The SDK with which it publishes and signs. */
  readonly pusher: InstanceType<typeof PusherServer>;
  /** Its site. */
  readonly url: string;
  readonly #server: Server;
  readonly #clients: PusherJs[] = [];

  private constructor(server: Server, publisher: Address) {
    const { hostname: host, port } = new URL(publisher.url);
    this.pusher = new PusherServer({ ...APP, host, port, useTLS: false, encryptionMasterKeyBase64: MASTER_KEY });
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** `publisher`: where it publishes. */
  static async start(publisher: Address): Promise<PusherApplication> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { searchParams, pathname } = new URL(request.url ?? "", "http://x");
        if (request.method === "GET") return void servePage(pathname, response);
        const visitor = JSON.parse(searchParams.get("visitor") ?? "{}") as Visitor;
        const form = new URLSearchParams(Buffer.concat(chunks).toString());
        const answer = application.#answer(pathname, form, visitor);
        response.writeHead(answer === null ? 403 : 200, { "content-type": "application/json" });
        response.end(JSON.stringify(answer ?? {}));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const application = new PusherApplication(server, publisher);
    return application;
  }

  /** Connects as a visitor to Carillon; resolves when connected. */
  async connect(to: Address, visitor: Visitor): Promise<PusherJs> {
    const client = this.client(to, visitor);
    await new Promise<void>((resolve) => client.connection.bind("connected", () => resolve()));
    return client;
  }

  /** A client that is about to connect. */
  client(to: Address, visitor: Visitor): PusherJs {
    const query = `?visitor=${encodeURIComponent(JSON.stringify(visitor))}`;
    const client = new PusherJsClient(APP.key, {
      cluster: "any",
      wsHost: "127.0.0.1",
      wsPort: Number(new URL(to.url).port),
      forceTLS: false,
      enabledTransports: ["ws"],
      channelAuthorization: { endpoint: `${this.url}/pusher/auth${query}`, transport: "ajax" },
      userAuthentication: { endpoint: `${this.url}/pusher/user-auth${query}`, transport: "ajax" },
    });
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(path: string, form: URLSearchParams, visitor: Visitor): unknown {
    const socketId = String(form.get("socket_id"));
    const { id, info, watchlist } = visitor;
    if (path === "/pusher/user-auth") {
      const user = { id, ...(info === undefined ? {} : { user_info: info }), watchlist: [...(watchlist ?? [])] };
      return this.pusher.authenticateUser(socketId, user);
    }
    const channel = String(form.get("channel_name"));
    if (channel.includes("forbidden")) return null;
    if (!channel.startsWith("presence-")) return this.pusher.authorizeChannel(socketId, channel);
    return this.pusher.authorizeChannel(socketId, channel, {
      user_id: id,
      ...(info === undefined ? {} : { user_info: { ...info } }),
    });
  }
}

async function servePage(path: string, response: ServerResponse): Promise<void> {
  const html = { "content-type": "text/html; charset=utf-8" };
  if (path === PAGE_PATH) response.writeHead(200, html).end(pageHtml(APP.key));
  else if (path === SCRIPT_PATH) response.writeHead(200, { "content-type": "text/javascript" }).end(await webBuild());
  else response.writeHead(404).end();
}
