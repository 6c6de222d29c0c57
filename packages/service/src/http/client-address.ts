import { AddressRanges, canonicalAddress } from "../net/address-ranges.ts";
import { addressText } from "./remote-address.ts";
import type { UwsRequest, UwsResponse } from "./uws.ts";

/** Where a client's address can come from. */
export const CLIENT_ADDRESS_SOURCES = ["socket", "xForwardedFor", "proxyProtocol"] as const;

/** Where a server learns the addresses of its clients. */
export interface ClientAddressOptions {
  /**
   * `socket`: the TCP connection's own. `xForwardedFor`: what the proxies among `trustedProxies` say in that header. `proxyProtocol`: what
   * a PROXY header of version 2 says, whoever sent it.
   */
  readonly from: (typeof CLIENT_ADDRESS_SOURCES)[number];
  /** Addresses and ranges whose X-Forwarded-For counts. */
  readonly trustedProxies: readonly string[];
}

/** The addresses of a server's clients. */
export class ClientAddresses {
  /** Whether an address must be asked for while the request is there; that of the socket can be had as long as the response or the WebSocket. */
  readonly isEager: boolean;
  readonly #from: ClientAddressOptions["from"];
  readonly #proxies: AddressRanges;

  constructor({ from, trustedProxies }: ClientAddressOptions) {
    this.isEager = from !== "socket";
    this.#from = from;
    this.#proxies = new AddressRanges(trustedProxies);
  }

  /** Of the TCP connection, which may be a proxy's. */
  ofSocket(connection: Pick<UwsResponse, "getRemoteAddress">): string {
    return addressText(connection.getRemoteAddress());
  }

  /** The client's. */
  of(response: UwsResponse, request: UwsRequest): string {
    const ofSocket = this.ofSocket(response);
    switch (this.#from) {
      case "socket":
        return ofSocket;
      case "xForwardedFor":
        return clientBehind(this.#proxies, ofSocket, forwardedFor(request));
      case "proxyProtocol":
        // "" where no header came.
        return canonicalAddress(textOf(response.getProxiedRemoteAddressAsText())) ?? ofSocket;
      default:
        return this.#from satisfies never;
    }
  }
}

/**
 * The nearest address that is not a trusted proxy's: each of those wrote behind the others whom it was called by. What stands
 * before that, the client itself may have written. An entry that is no address ends the search at who wrote it.
 */
function clientBehind(proxies: AddressRanges, ofSocket: string, header: string): string {
  let address = ofSocket;
  const entries = header.split(",");
  while (proxies.has(address)) {
    const next = canonicalAddress(entries.pop()?.trim() ?? "");
    if (next === null) break;
    address = next;
  }
  return address;
}

/** All of the header: proxies that add a line of their own leave one that the client sent as the first. */
function forwardedFor(request: UwsRequest): string {
  const lines: string[] = [];
  request.forEach((name, value) => {
    if (name === "x-forwarded-for") lines.push(value);
  });
  return lines.join(",");
}

function textOf(bytes: ArrayBuffer): string {
  return Buffer.from(bytes).toString("latin1");
}
