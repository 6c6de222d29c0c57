import type { App, Transport } from "@carillon/core";
import { CLOSE_CODES, type CloseCodeName, isSenderId, refuse, SENDER_ID_RULE } from "@carillon/protocol";
import type { SocketHandler, UpgradeRequest } from "@carillon/service";
import type { Handshake, Protocol, ProtocolServices } from "../../protocol.ts";
import { jsonCodec, msgpackCodec, type NativeCodec } from "./native-codec.ts";
import { NativeConnection } from "./native-connection.ts";

const CODECS: readonly NativeCodec[] = [jsonCodec, msgpackCodec];

/** Where WebSockets of the native protocol are served. */
export const NATIVE_PATHS = ["/", "/ws"] as const;

/** The native protocol, at `/ws` and `/`, and over HTTP. docs/protocol/native.md has its rules. */
export const nativeProtocol: Protocol = {
  name: "native",
  isServedOverHttp: true,
  paths: NATIVE_PATHS,
  codecs: CODECS,
  matches: (request) => NATIVE_PATHS.some((path) => path === request.path),
  accept,
};

function accept(request: UpgradeRequest, services: ProtocolServices): Handshake {
  const offered = request.subprotocols.find((name) => CODECS.some((codec) => codec.subprotocol === name));
  const codec = CODECS.find((each) => each.subprotocol === offered) ?? jsonCodec;
  const begin = (socket: Transport) => open(socket, { request, codec, services });
  return offered === undefined
    ? { kind: "accept", open: begin }
    : { kind: "accept", subprotocol: offered, open: begin };
}

interface Opening {
  readonly request: UpgradeRequest;
  readonly codec: NativeCodec;
  readonly services: ProtocolServices;
}

function open(socket: Transport, { request, codec, services }: Opening): SocketHandler {
  const query = new URLSearchParams(request.query);
  const key = query.get("key");
  const app = key === null ? services.apps.first : services.apps.byKey(key);
  const refusal = refusalOf(app, request, services);
  if (app === null || refusal !== null) return turnAway(socket, codec, refusal ?? "app_unknown");

  const connection = new NativeConnection({ socket, codec, services });
  const sender = query.get("sender");
  const senderId = isSenderId(sender) ? sender : null;
  const opened = services.node.openSession({ app, transport: socket, codec, owner: connection, senderId });
  if (!opened.ok) return turnAway(socket, codec, opened.close);
  // Going on without would let the client hear itself: it has to know.
  if (sender !== null && senderId === null)
    connection.complain(refuse("invalid_field", `"sender" is left out: ${SENDER_ID_RULE}`));
  connection.begin(opened.value, query.get("token"));
  return connection;
}

function refusalOf(app: App | null, request: UpgradeRequest, services: ProtocolServices): CloseCodeName | null {
  if (app === null) return "app_unknown";
  return services.isOriginAllowed(app, request.origin) ? null : "origin_refused";
}

function turnAway(socket: Transport, codec: NativeCodec, name: CloseCodeName): SocketHandler {
  const { code, reason } = CLOSE_CODES[name];
  socket.write(codec.encodeFrame({ type: "error", code: name, message: reason }), codec.isBinary);
  socket.close(code, reason);
  return SILENT;
}

/** Hears out a connection that has been turned away and is about to close. */
const SILENT: SocketHandler = {
  onFrame: () => undefined,
  onClose: () => undefined,
};
