import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { ADDRESSES } from "./sandbox.ts";
import type { ServiceTable } from "./service-table.ts";

const TYPE_A = 1;
const HEADER_BYTES = 12;
/** Like that of CoreDNS for headless services, only shorter: what is cached is old. */
const TTL_SECONDS = 1;

interface Question {
  readonly name: string;
  readonly type: number;
  /** Where it ends in the packet. */
  readonly end: number;
}

/** The cluster's DNS: addresses of services, and of what is ready behind headless ones. */
export class ClusterDns implements AsyncDisposable {
  readonly #socket: Socket = createSocket("udp4");
  readonly #table: ServiceTable;

  private constructor(table: ServiceTable) {
    this.#table = table;
    this.#socket.on("message", (packet, from) => {
      this.#socket.send(this.#answer(packet), from.port, from.address);
    });
  }

  static async start(table: ServiceTable): Promise<ClusterDns> {
    const dns = new ClusterDns(table);
    dns.#socket.bind(53, ADDRESSES.dns);
    await once(dns.#socket, "listening");
    return dns;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
  }

  /** The addresses of a name; null where there is no such name. */
  lookUp(name: string): readonly string[] | null {
    const [, host, service, namespace] = /^(?:([\w-]+)\.)?([\w-]+)\.([\w-]+)\.svc\.cluster\.local$/.exec(name) ?? [];
    const key = `${namespace}/${service}`;
    const known = this.#table.service(key);
    if (known === undefined) return null;
    const { clusterIP = "None" } = known.spec;
    if (host === undefined && clusterIP !== "None") return [clusterIP];
    const endpoints = this.#table.endpoints(key).filter((each) => host === undefined || each.hostname === host);
    if (host !== undefined && endpoints.length === 0) return null;
    return [...new Set(endpoints.map(({ address }) => address))];
  }

  #answer(packet: Buffer): Buffer {
    const { name, type, end } = questionOf(packet);
    const found = this.lookUp(name);
    const addresses = type === TYPE_A ? (found ?? []) : [];
    const header = Buffer.from(packet.subarray(0, HEADER_BYTES));
    // An authoritative answer; recursion available, and "no such name" where there is none.
    header.writeUInt16BE(found === null ? 0x8583 : 0x8580, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(addresses.length, 6);
    header.writeUInt32BE(0, 8);
    const records = addresses.map((address) => {
      const name = [0xc0, HEADER_BYTES];
      return Buffer.from([...name, 0, TYPE_A, 0, 1, 0, 0, 0, TTL_SECONDS, 0, 4, ...address.split(".").map(Number)]);
    });
    return Buffer.concat([header, packet.subarray(HEADER_BYTES, end), ...records]);
  }
}

function questionOf(packet: Buffer): Question {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = packet[at] ?? 0; length > 0; length = packet[at] ?? 0) {
    labels.push(packet.toString("latin1", at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join(".").toLowerCase(), type: packet.readUInt16BE(at + 1), end: at + 5 };
}
