import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/*
 * The only file that loads uWebSockets.js. The builds in circulation differ in their types (a number here is a boolean
 * there, `listen` with options is missing from one), so what Carillon uses of it is described here once, as measured on the
 * binaries it pins. It is loaded on first use rather than by an import statement, for two reasons: the size limit of request
 * heads is read from the environment while the binary loads, and a binary that doesn't load (glibc, Node version) must end
 * in a sentence that says what to do, also in a process that only wanted to report on it.
 */

/*
 * Texts handed to it must be ASCII, or UTF-8 bytes: see wire-text.ts.
 */

/** A listening socket. */
export interface UwsListenSocket {
  readonly brand?: "uws-listen-socket";
}

/** What ties an upgrade to the WebSocket route it came in on. */
export interface UwsUpgradeContext {
  readonly brand?: "uws-upgrade-context";
}

/** A request head. Valid only until the handler returns: every call throws after that. */
export interface UwsRequest {
  getUrl(): string;
  /** undefined when the URL has no `?`. */
  getQuery(): string | undefined;
  /** In lower case. */
  getMethod(): string;
  /** "" when it didn't come. */
  getHeader(lowerCaseName: string): string;
  /** Calls back with the name in lower case and the value of each header, in their order, before it returns. */
  forEach(each: (name: string, value: string) => void): void;
}

/** A response. Valid until it ended, was upgraded or aborted: every call throws after that. */
export interface UwsResponse {
  writeStatus(status: string): UwsResponse;
  writeHeader(name: string, value: string | Uint8Array): UwsResponse;
  /** Of a body without a length. False when the client doesn't take it: it is kept, without any bound. Corked, it may tell so one write late. */
  write(chunk: string | Uint8Array): boolean;
  /**
   * `handler` is called when the client takes more. While there is one, what is kept leaves only with the next write. It must
   * return true.
   */
  onWritable(handler: () => boolean): UwsResponse;
  end(body?: string | Uint8Array, closesConnection?: boolean): UwsResponse;
  /** With a length and no second argument, the pinned Node 20 binary aborts the process: pass none, or both. */
  endWithoutBody(reportedLength?: number, closesConnection?: boolean): UwsResponse;
  close(): UwsResponse;
  onAborted(handler: () => void): UwsResponse;
  /** `chunk` has zero length once the handler returned. */
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): UwsResponse;
  cork(task: () => void): UwsResponse;
  /** 4 or 16 bytes. The address of the TCP connection, whatever a PROXY header said. */
  getRemoteAddress(): ArrayBuffer;
  /** What a PROXY header said, as text; empty without one. IPv6 in its longest form. */
  getProxiedRemoteAddressAsText(): ArrayBuffer;
  upgrade(userData: object, key: string, subprotocol: string, extensions: string, context: UwsUpgradeContext): void;
}

/** An open WebSocket, with the properties of its user data on itself. Every call throws once it has closed. */
export interface UwsWebSocket {
  /** 1: sent. 0: buffered. 2: dropped, over the backpressure bound. */
  send(data: string | Uint8Array, isBinary: boolean): number;
  getBufferedAmount(): number;
  /** 4 or 16 bytes. */
  getRemoteAddress(): ArrayBuffer;
  /** Runs `task` at once; what it sends leaves in one write for each 16 KB. Without it each send is a write of its own. */
  cork(task: () => void): void;
  /** Runs the close handler before it returns. */
  end(code: number, reason: string | Uint8Array): void;
  /** Runs the close handler before it returns. */
  close(): void;
  subscribe(topic: string | Uint8Array): boolean;
  unsubscribe(topic: string | Uint8Array): boolean;
  isSubscribed(topic: string | Uint8Array): boolean;
  /** Reaches nobody when the socket isn't subscribed to anything. */
  publish(topic: string | Uint8Array, data: Uint8Array, isBinary: boolean): boolean;
}

/** How a WebSocket route behaves. Numbers out of range abort the process, so they are checked before they get here. */
export interface UwsBehavior<S extends UwsWebSocket> {
  readonly compression: number;
  readonly maxPayloadLength: number;
  /** Seconds. */
  readonly idleTimeout: number;
  readonly maxBackpressure: number;
  readonly closeOnBackpressureLimit: boolean;
  readonly sendPingsAutomatically: boolean;
  readonly upgrade: (response: UwsResponse, request: UwsRequest, context: UwsUpgradeContext) => void;
  readonly open: (socket: S) => void;
  readonly message: (socket: S, data: ArrayBuffer, isBinary: boolean) => void;
  /** No call into uWebSockets.js of any kind may be made from here: it crashes or hangs the process. */
  readonly ping: (socket: S) => void;
  readonly pong: (socket: S) => void;
  readonly dropped: (socket: S, data: ArrayBuffer, isBinary: boolean) => void;
  readonly close: (socket: S, code: number, reason: ArrayBuffer) => void;
}

/** Answers one request. */
export type UwsRequestHandler = (response: UwsResponse, request: UwsRequest) => void;

/** One server. */
export interface UwsApp {
  get(pattern: string, handler: UwsRequestHandler): UwsApp;
  post(pattern: string, handler: UwsRequestHandler): UwsApp;
  put(pattern: string, handler: UwsRequestHandler): UwsApp;
  del(pattern: string, handler: UwsRequestHandler): UwsApp;
  options(pattern: string, handler: UwsRequestHandler): UwsApp;
  head(pattern: string, handler: UwsRequestHandler): UwsApp;
  any(pattern: string, handler: UwsRequestHandler): UwsApp;
  ws<S extends UwsWebSocket>(pattern: string, behavior: UwsBehavior<S>): UwsApp;
  /** Crashes the process when there is no WebSocket route. */
  publish(topic: string | Uint8Array, data: Uint8Array, isBinary: boolean): boolean;
  /** Calls back before it returns; `false` when it can't listen. */
  listen(host: string, port: number, options: number, done: (socket: UwsListenSocket | false) => void): UwsApp;
  close(): UwsApp;
}

/** What Carillon uses of the module. */
export interface UwsModule {
  App(): UwsApp;
  us_listen_socket_close(socket: UwsListenSocket): void;
  us_socket_local_port(socket: UwsListenSocket): number;
  _cfg(option: string): void;
  readonly LIBUS_LISTEN_DEFAULT: number;
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number;
  readonly DISABLED: number;
}

/** Which binary this process runs. */
export interface UwsBinary {
  /** Node's ABI number, `process.versions.modules`: 115 for Node 20, 127 for 22, 137 for 24. */
  readonly abi: string;
  /** The file's name, without its folder. */
  readonly file: string;
  /** Of the file's bytes, in hex. */
  readonly sha256: string;
}

/** uWebSockets.js couldn't be loaded. The message says what it needs. */
export class UwsUnavailableError extends Error {
  readonly code = "uws_unavailable";
  override readonly name = "UwsUnavailableError";
}

/** Bound of a request's head where nothing else is configured: as in Node's own server, and twice what browsers send at most in practice. */
export const DEFAULT_MAX_HEADER_BYTES = 16_384;

/** Read once by the binary, while it loads. In bytes. */
const HEADER_LIMIT_VARIABLE = "UWS_HTTP_MAX_HEADERS_SIZE";

const require = createRequire(import.meta.url);

let loaded: { readonly module: UwsModule; readonly maxHeaderBytes: number } | null = null;

/**
 * Loads uWebSockets.js, once in a process. `maxHeaderBytes` bounds the head of a request and belongs to the process: the
 * first call decides, and what holds is returned.
 *
 * @throws UwsUnavailableError when there is no binary for this platform, or it doesn't load.
 */
export function loadUws(maxHeaderBytes: number): { readonly module: UwsModule; readonly maxHeaderBytes: number } {
  if (loaded !== null) return loaded;
  process.env[HEADER_LIMIT_VARIABLE] = String(maxHeaderBytes);
  const module = requireUws();
  // Undocumented, checked on the pinned binaries: stops the header that names server and version.
  module._cfg("silent");
  loaded = { module, maxHeaderBytes };
  return loaded;
}

/**
 * Which binary is in use: loads it when it isn't yet. Reads and hashes some megabytes, so it is for start-up and diagnosis;
 * call it after the server was made, whose head limit would come too late otherwise.
 *
 * @throws UwsUnavailableError when it doesn't load.
 */
export function describeUwsBinary(): UwsBinary {
  loadUws(DEFAULT_MAX_HEADER_BYTES);
  const file = binaryFileName();
  const path = join(dirname(require.resolve("uWebSockets.js")), file);
  return {
    abi: process.versions.modules,
    file,
    sha256: createHash("sha256").update(readFileSync(path)).digest("hex"),
  };
}

/** The name of the binary for this process, as all builds in circulation call it. */
function binaryFileName(): string {
  return `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
}

function requireUws(): UwsModule {
  let module: unknown;
  try {
    module = require("uWebSockets.js");
  } catch (cause) {
    throw new UwsUnavailableError(unavailableMessage(cause), { cause });
  }
  if (!isUwsModule(module))
    throw new UwsUnavailableError(`uWebSockets.js is installed but isn't the server that Carillon knows.`);
  return module;
}

function isUwsModule(module: unknown): module is UwsModule {
  if (typeof module !== "object" || module === null) return false;
  const names: readonly (keyof UwsModule)[] = ["App", "us_listen_socket_close", "us_socket_local_port", "_cfg"];
  return names.every((name) => name in module && typeof Reflect.get(module, name) === "function");
}

function unavailableMessage(cause: unknown): string {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const here = `Node ${process.versions.node} on ${process.platform} ${process.arch} (ABI ${process.versions.modules})`;
  return (
    `The uWebSockets.js binary for ${here} can't be loaded. Use Node 20, 22 or 24 on Linux with glibc ` +
    `(2.38 or newer for Node 22 and 24, as in Debian 13 or Ubuntu 24.04; Alpine's musl doesn't do), macOS or Windows. ${reason}`
  );
}
