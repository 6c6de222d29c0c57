import { readFile } from "node:fs/promises";
import { parse, stringify } from "yaml";
import { type Ports, relocations } from "./topology.ts";

const LOOPBACK = "127.0.0.1";

interface SocketAddress {
  address: string;
  port_value: number;
}

interface Endpoint {
  readonly address: { readonly socket_address: SocketAddress };
  readonly health_check_config?: { port_value: number };
}

interface EnvoyConfig {
  readonly admin: { readonly address: { readonly socket_address: SocketAddress } };
  readonly static_resources: {
    readonly listeners: readonly {
      readonly name: string;
      readonly address: { readonly socket_address: SocketAddress };
    }[];
    readonly clusters: readonly {
      readonly load_assignment: {
        readonly endpoints: readonly { readonly lb_endpoints: readonly { readonly endpoint: Endpoint }[] }[];
      };
    }[];
  };
}

/** deploy/envoy/envoy.yaml with the same policies, for processes on this machine. */
export async function renderEnvoy(file: string, ports: Ports): Promise<string> {
  const config = parse(await readFile(file, "utf8"), { merge: true }) as EnvoyConfig;
  const moved = relocations(ports);
  const move = (host: string, port: number) => {
    const to = moved.get(`${host}:${port}`);
    if (to === undefined) throw new Error(`${file} names ${host}:${port}, which is not part of the cluster`);
    return to;
  };
  config.admin.address.socket_address.port_value = ports.envoyAdmin;
  for (const { name, address } of config.static_resources.listeners) {
    address.socket_address.address = LOOPBACK;
    address.socket_address.port_value = name === "clients" ? ports.webSocket : ports.publish;
  }
  for (const { load_assignment } of config.static_resources.clusters) {
    for (const { endpoint } of load_assignment.endpoints.flatMap(({ lb_endpoints }) => lb_endpoints)) {
      const { socket_address: socket } = endpoint.address;
      const health = endpoint.health_check_config;
      if (health !== undefined) health.port_value = move(socket.address, health.port_value);
      socket.port_value = move(socket.address, socket.port_value);
      socket.address = LOOPBACK;
    }
  }
  return stringify(config, { aliasDuplicateObjects: false });
}

/** A text with `host:port` in it, such as HAProxy's and Prometheus's configurations, for processes on this machine. */
export async function renderText(file: string, ports: Ports): Promise<string> {
  let text = await readFile(file, "utf8");
  for (const [from, port] of relocations(ports)) text = text.replaceAll(from, `${LOOPBACK}:${port}`);
  return text;
}
