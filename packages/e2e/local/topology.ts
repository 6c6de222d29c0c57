/** Where each process of the cluster listens, on 127.0.0.1. */
export interface Ports {
  readonly webSocket: number;
  readonly publish: number;
  readonly envoyAdmin: number;
  readonly prometheus: number;
  readonly natsExporter: number;
  readonly gateways: readonly { readonly name: string; readonly port: number; readonly admin: number }[];
  readonly publisher: { readonly port: number; readonly admin: number };
  readonly webhooks: { readonly admin: number };
  readonly nats: readonly {
    readonly name: string;
    readonly port: number;
    readonly monitor: number;
    readonly route: number;
  }[];
}

/** The ports of a cluster: the usual ones for clients, plus `shift`, so that several clusters can stand on one machine. */
export function portsOf(shift = 0): Ports {
  const at = (port: number) => port + shift;
  return {
    webSocket: at(8080),
    publish: at(8081),
    envoyAdmin: at(9901),
    prometheus: at(9095),
    natsExporter: at(7777),
    gateways: [1, 2, 3].map((number) => ({
      name: `gateway-${number}`,
      port: at(8100 + number),
      admin: at(9100 + number),
    })),
    publisher: { port: at(8104), admin: at(9104) },
    webhooks: { admin: at(9105) },
    nats: [1, 2, 3].map((number) => ({
      name: `nats-${number}`,
      port: at(4220 + number),
      monitor: at(8220 + number),
      route: at(6220 + number),
    })),
  };
}

/** Every port, and whose it is. */
export function allPorts(ports: Ports): { readonly port: number; readonly owner: string }[] {
  return [
    { port: ports.webSocket, owner: "Envoy, for clients" },
    { port: ports.publish, owner: "Envoy, for publishes" },
    { port: ports.envoyAdmin, owner: "Envoy's admin page" },
    { port: ports.prometheus, owner: "Prometheus" },
    { port: ports.natsExporter, owner: "NATS's metrics" },
    ...ports.gateways.flatMap(({ name, port, admin }) => [
      { port, owner: name },
      { port: admin, owner: `${name}'s admin page` },
    ]),
    { port: ports.publisher.port, owner: "the publisher" },
    { port: ports.publisher.admin, owner: "the publisher's admin page" },
    { port: ports.webhooks.admin, owner: "the webhook worker's admin page" },
    ...ports.nats.flatMap(({ name, port, monitor, route }) => [
      { port, owner: name },
      { port: monitor, owner: `${name}'s monitoring` },
      { port: route, owner: `${name}, for the other servers` },
    ]),
  ];
}

/** What stands in the configurations of compose.yaml, by `host:port`, and where it is here. */
export function relocations(ports: Ports): ReadonlyMap<string, number> {
  return new Map([
    ...ports.gateways.flatMap(({ name, port, admin }): [string, number][] => [
      [`${name}:8080`, port],
      [`${name}:9090`, admin],
    ]),
    ["publisher:8081", ports.publisher.port],
    ["publisher:9090", ports.publisher.admin],
    ["webhooks:9090", ports.webhooks.admin],
    ["nats-exporter:7777", ports.natsExporter],
  ]);
}
