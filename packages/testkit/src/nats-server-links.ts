import { TcpProxy } from "./tcp-proxy.ts";

/** `cut`: connections end, new ones are refused. `freeze`: they stand and carry nothing. */
export type Harm = "cut" | "freeze";

/** Where a server of a cluster listens. */
export interface NatsListener {
  /** For the other servers. */
  readonly routePort: number;
  /** For clients; asked for each connection. */
  readonly clientPort: () => number;
}

/** Name of the server with an index, as `server_name`. */
export function serverName(index: number): string {
  return `n${index + 1}`;
}

/** The links between the servers of a cluster, and of clients to them, which a test can harm one by one. */
export class NatsLinks {
  /** One in front of each server: what the others dial. */
  readonly #routes: readonly TcpProxy[];
  /** One in front of each server: what clients dial. */
  readonly #clients: readonly TcpProxy[];

  private constructor(routes: readonly TcpProxy[], clients: readonly TcpProxy[]) {
    this.#routes = routes;
    this.#clients = clients;
  }

  static async start(listeners: readonly NatsListener[]): Promise<NatsLinks> {
    // A dialing server tells its name in its INFO, a client in its CONNECT.
    const serverOf = (head: string) => /"server_name":"([^"]+)"/.exec(head)?.[1] ?? null;
    const clientOf = (head: string) => /^CONNECT \{.*"name":"([^"]+)"/.exec(head)?.[1] ?? null;
    const routes = listeners.map(({ routePort }) => TcpProxy.start({ targetPort: () => routePort, nameOf: serverOf }));
    const clients = listeners.map(({ clientPort }) => TcpProxy.start({ targetPort: clientPort, nameOf: clientOf }));
    return new NatsLinks(await Promise.all(routes), await Promise.all(clients));
  }

  /** Where other servers reach a server, and where clients do. */
  portsOf(index: number): { readonly route: number; readonly client: number } {
    return { route: this.#proxy(index).port, client: (this.#clients[index] as TcpProxy).port };
  }

  /** Harms the link between two servers. */
  part(how: Harm, one: number, other: number): void {
    this.#proxy(one)[how](serverName(other));
    this.#proxy(other)[how](serverName(one));
  }

  /** Harms the links between one server and all others. */
  isolate(how: Harm, index: number): void {
    for (const other of this.#routes.keys()) if (other !== index) this.part(how, index, other);
  }

  /** Ends all harm between servers. */
  join(): void {
    for (const proxy of this.#routes) proxy.heal();
  }

  /** Harms the links of the client with a name, to some of the servers. */
  harmClient(how: Harm, name: string, servers: readonly number[]): void {
    for (const index of servers) this.#clients[index]?.[how](name);
  }

  /** Ends all harm to a client. */
  healClient(name: string): void {
    for (const proxy of this.#clients) proxy.heal(name);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#routes, ...this.#clients].map((proxy) => proxy.stop()));
  }

  #proxy(index: number): TcpProxy {
    const proxy = this.#routes[index];
    if (proxy === undefined) throw new RangeError(`the cluster has no server ${index}`);
    return proxy;
  }
}
