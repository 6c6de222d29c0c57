import { type AddressInfo, connect, createServer } from "node:net";
import type { ListenAddress } from "./http-types.ts";

/** The server can't listen at this address. `code` is the system's: EACCES, EADDRNOTAVAIL, ENOTFOUND, or "UNKNOWN". */
export class ListenError extends Error {
  readonly code: string;
  override readonly name: string = "ListenError";

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

/** Another process (or another server of this one) listens there. */
export class PortInUseError extends ListenError {
  override readonly name = "PortInUseError";

  constructor(address: ListenAddress) {
    super(
      `${addressName(address)} is in use. Stop the process that listens there, or choose another port (--port or --admin-port, where 0 takes any free one).`,
      "EADDRINUSE",
    );
  }
}

/**
 * The port that can be listened at: the one of the address, or any free one for 0. Nobody listens there when it resolves. uWebSockets.js
 * doesn't say why it can't listen, so the platform's own server tries, whose errors have names.
 *
 * @throws ListenError when somebody listens there, or the address can't be listened at.
 */
export async function findListenPort(address: ListenAddress): Promise<number> {
  const probed = await probe(address);
  if (typeof probed === "number") return probed;
  // Connections that an earlier process has closed are in the way of this try, and of nobody who is ready to share the port.
  if (probed instanceof PortInUseError && !(await isListenedAt(address))) return address.port;
  throw probed;
}

/** The error for an address that the system refused with `code`. */
export function listenError(address: ListenAddress, code: string): ListenError {
  if (code === "EADDRINUSE") return new PortInUseError(address);
  return new ListenError(`Cannot listen at ${addressName(address)}: ${advice(code)}`, code);
}

function advice(code: string): string {
  switch (code) {
    case "EACCES":
      return "the system does not allow it (EACCES). Ports below 1024 need a privilege; choose a higher one.";
    case "EADDRNOTAVAIL":
      return "no network interface of this machine has the address (EADDRNOTAVAIL). Use 0.0.0.0 for all of them.";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the host name is not known (${code}). Use an address of this machine, or 0.0.0.0.`;
    default:
      return `the system refused it (${code}).`;
  }
}

/** Listens once with the platform's own server, alone, and lets go of the port again: which port that was, or why it can't be. */
function probe(address: ListenAddress): Promise<number | ListenError> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", ({ code = "UNKNOWN" }: NodeJS.ErrnoException) => resolve(listenError(address, code)));
    server.listen({ host: address.host, port: address.port, exclusive: true }, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** An answer that takes so long, in ms, comes from somebody who is too busy to give it. */
const ANSWER_WITHIN_MS = 1000;

/** Where a server that listens everywhere is reached. */
const LOOPBACK: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

function isListenedAt({ host, port }: ListenAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: LOOPBACK[host] ?? host, port, timeout: ANSWER_WITHIN_MS });
    const end = (isListened: boolean) => {
      socket.destroy();
      resolve(isListened);
    };
    // With the port that it wants to reach as its own a socket meets itself.
    socket.once("connect", () => end(socket.localPort !== port));
    socket.once("timeout", () => end(true));
    socket.once("error", () => end(false));
  });
}

/** `host:port`, with an IPv6 host in brackets. */
function addressName(address: ListenAddress): string {
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}
