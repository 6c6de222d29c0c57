import { connect, createServer, type Server, type Socket } from "node:net";
import type { ServiceObject } from "./kube-objects.ts";
import type { ServiceTable } from "./service-table.ts";

/**
 * What kube-proxy is in a cluster, as plain TCP relays: each port of each service, on the service's own address. The source address
 * is lost on the way, so clients that are to be told apart by theirs don't go through it.
 */
export class ServiceProxy implements AsyncDisposable {
  readonly #servers = new Map<string, readonly Server[]>();
  readonly #sockets = new Set<Socket>();
  readonly #ports = new Map<string, string>();
  #next = 0;

  /** A service came, changed or (null) went. */
  onService(table: ServiceTable, service: ServiceObject | null, key: string): void {
    const { clusterIP = "None", selector, ports = [] } = service?.spec ?? {};
    // One without a selector is served by whoever made it.
    const isServed = clusterIP !== "None" && selector !== undefined;
    const wanted = isServed ? JSON.stringify([clusterIP, ports]) : "";
    if ((this.#ports.get(key) ?? "") === wanted) return;
    for (const each of this.#servers.get(key) ?? []) each.close();
    this.#ports.set(key, wanted);
    const served = isServed ? ports.filter(({ protocol = "TCP" }) => protocol === "TCP") : [];
    this.#servers.set(
      key,
      served.map(({ name = "", port }) => this.#relay(clusterIP, port, () => table.endpoints(key, name))),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of [...this.#servers.values()].flat()) each.close();
    for (const each of this.#sockets) each.destroy();
  }

  #relay(host: string, port: number, endpoints: () => ReturnType<ServiceTable["endpoints"]>): Server {
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (client) => {
      const choices = endpoints();
      const target = choices[this.#next++ % Math.max(choices.length, 1)];
      if (target === undefined) {
        client.resetAndDestroy();
        return;
      }
      const upstream = connect({ host: target.address, port: target.port, noDelay: true });
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.#sockets.add(from);
        from.on("error", () => to.destroy());
        from.on("close", () => {
          this.#sockets.delete(from);
          to.destroy();
        });
      }
      upstream.on("connect", () => {
        client.pipe(upstream);
        upstream.pipe(client);
        client.resume();
      });
    });
    // An address that is still taken by the service's predecessor shows as a refused connection.
    server.on("error", () => undefined);
    return server.listen(port, host);
  }
}
