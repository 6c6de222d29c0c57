import type { App, Transport } from "@carillon/core";
import { CLOSE_CODES, type CloseCodeName } from "@carillon/protocol";
import { PUSHER_VERSIONS, pusherError } from "@carillon/protocol/pusher";
import type { SocketHandler, UpgradeRequest } from "@carillon/service";
import type { Handshake, Protocol, ProtocolServices } from "../../protocol.ts";
import { pusherCodec, pusherRecoveryCodec } from "./pusher-codec.ts";
import { PusherConnection } from "./pusher-connection.ts";

/** Where Pusher clients connect. */
export const PUSHER_PATHS = ["/app/:key"] as const;

const PREFIX = "/app/";
const VERSION = /^\d{1,4}$/;

/** The Pusher protocol, versions 5 to 7, at `/app/KEY`. docs/protocol/pusher.md has its rules. */
export const pusherProtocol: Protocol = {
  name: "pusher",
  paths: PUSHER_PATHS,
  codecs: [pusherCodec, pusherRecoveryCodec],
  watchedPaths: PUSHER_PATHS,
  matches: ({ path }) => path.startsWith(PREFIX),
  accept,
};

function accept(request: UpgradeRequest, services: ProtocolServices): Handshake {
  // Swift clients offer one, and give up when it isn't named in the answer.
  const [offered] = request.subprotocols;
  const begin = (socket: Transport) => open(socket, request, services);
  return offered === undefined
    ? { kind: "accept", open: begin }
    : { kind: "accept", subprotocol: offered, open: begin };
}

function open(socket: Transport, request: UpgradeRequest, services: ProtocolServices): SocketHandler {
  const query = new URLSearchParams(request.query);
  const key = request.path.slice(PREFIX.length);
  const app = services.apps.byKey(key);
  const refusal = refusalOf({ app, key, version: query.get("protocol"), origin: request.origin }, services);
  if (app === null || refusal !== null) return turnAway(socket, refusal ?? "app_unknown");

  const connection = new PusherConnection({ socket, services, client: query.get("client") ?? "" });
  const opened = services.node.openSession({ app, transport: socket, codec: pusherCodec, owner: connection });
  if (!opened.ok) return turnAway(socket, opened.close);
  connection.begin(opened.value);
  return connection;
}

interface Asked {
  readonly app: App | null;
  readonly key: string;
  readonly version: string | null;
  readonly origin: string;
}

function refusalOf({ app, key, version, origin }: Asked, services: ProtocolServices): CloseCodeName | null {
  if (key === "" || key.includes("/")) return "path_unknown";
  if (app === null) return "app_unknown";
  if (version === null || version === "") return "version_missing";
  if (!VERSION.test(version)) return "version_malformed";
  if (!PUSHER_VERSIONS.includes(Number(version))) return "version_unsupported";
  return services.isOriginAllowed(app, origin) ? null : "origin_refused";
}

function turnAway(socket: Transport, name: CloseCodeName): SocketHandler {
  const { code, reason } = CLOSE_CODES[name];
  socket.write(pusherError(code, reason), false);
  socket.close(code, reason);
  return SILENT;
}

/** Hears out a connection that has been turned away and is about to close. */
const SILENT: SocketHandler = {
  onFrame: () => undefined,
  onClose: () => undefined,
};
