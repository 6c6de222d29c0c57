import { checkAnswer, writeAnswer } from "./answer-writer.ts";
import type { HttpAnswer, UpgradeDecision, UpgradeRequest, WebSocketEndpoint } from "./http-types.ts";
import { problem, upgradeRequired } from "./problem.ts";
import type { UwsBehavior, UwsRequest, UwsResponse, UwsUpgradeContext } from "./uws.ts";
import { type CarriedSocket, type SocketAddresses, type SocketHost, UwsSocket } from "./uws-socket.ts";

/** Options pass through a signed 32-bit number. */
const MAX_INT32 = 2 ** 31 - 1;

/** uWebSockets.js aborts the process outside of this (it would take 0 as well, for no timeout: not offered). */
const IDLE_SECONDS = { min: 8, max: 960 } as const;

const VERSION = "13";

const UPGRADE_MODE = { isHead: false, closesConnection: true } as const;

/** Counts the open WebSockets of a server. */
export interface SocketGauge {
  open: number;
}

/**
 * Checks an endpoint's numbers before they reach uWebSockets.js, which would abort the process.
 *
 * @throws RangeError that names the option, its value and its bounds.
 */
export function checkEndpoint(endpoint: WebSocketEndpoint): void {
  checkRange("maxFrameBytes", endpoint.maxFrameBytes, { min: 1, max: MAX_INT32 });
  // 0 would mean no bound at all: one client that stops reading could then take all of the memory.
  checkRange("maxBackpressureBytes", endpoint.maxBackpressureBytes, { min: 1, max: MAX_INT32 });
  checkRange("idleTimeoutSeconds", endpoint.idleTimeoutSeconds, IDLE_SECONDS);
}

/** Makes the behaviour of the server's WebSocket route out of an endpoint that was checked. */
export function socketBehavior(
  endpoint: WebSocketEndpoint,
  host: SocketHost,
  settings: { readonly compression: number; readonly gauge: SocketGauge },
): UwsBehavior<CarriedSocket> {
  const { gauge } = settings;
  // uWebSockets.js opens a socket within the call that upgrades it.
  const arrival: Arrival = { socket: null };
  return {
    compression: settings.compression,
    maxPayloadLength: endpoint.maxFrameBytes,
    idleTimeout: endpoint.idleTimeoutSeconds,
    maxBackpressure: endpoint.maxBackpressureBytes,
    closeOnBackpressureLimit: true,
    sendPingsAutomatically: true,
    upgrade: (response, request, context) => upgrade(endpoint, host, { response, request, context, arrival }),
    open: (socket) => {
      gauge.open += 1;
      const { socket: carried } = arrival;
      socket.carried = carried;
      carried?.opened(socket);
    },
    message: (socket, data, isBinary) => socket.carried?.received(data, isBinary),
    ping: (socket) => socket.carried?.alive(),
    pong: (socket) => socket.carried?.alive(),
    dropped: (socket) => socket.carried?.dropped(),
    close: (socket, code) => {
      gauge.open -= 1;
      socket.carried?.closed(code);
    },
  };
}

/** The socket that is being opened; null at all other times. */
interface Arrival {
  socket: UwsSocket | null;
}

/**
 * uWebSockets.js copies the properties of what it is given onto its own object, by their names, which takes longer than to set one when
 * that opens.
 */
const NO_USER_DATA = Object.freeze({});

interface UpgradeCall {
  readonly response: UwsResponse;
  readonly request: UwsRequest;
  readonly context: UwsUpgradeContext;
  readonly arrival: Arrival;
}

/** Never throws: uWebSockets.js would end the process. */
function upgrade(endpoint: WebSocketEndpoint, host: SocketHost, call: UpgradeCall): void {
  const { response, request } = call;
  try {
    if (request.getHeader("sec-websocket-version") !== VERSION) {
      refuse(response, upgradeRequired(`Only version ${VERSION} of the WebSocket protocol is served here.`));
      return;
    }
    const asked = upgradeRequest(call);
    const decision = endpoint.decide(asked);
    if (decision.kind === "refuse") {
      checkAnswer(decision.answer);
      refuse(response, decision.answer);
    } else {
      accept(decision, asked, { host, call });
    }
  } catch (error) {
    host.log.error("upgrade_failed", { error });
    refuseFailed(response, host);
  }
}

function refuseFailed(response: UwsResponse, host: SocketHost): void {
  try {
    refuse(response, problem("internal_error", "This is a fault of the server; its log says more."));
  } catch (error) {
    // The answer had begun, or the socket was open already: there is nothing left to say.
    host.log.error("upgrade_answer_failed", { error });
  }
}

function upgradeRequest({ request }: UpgradeCall): UpgradeRequest {
  return {
    path: request.getUrl(),
    query: request.getQuery() ?? "",
    origin: request.getHeader("origin"),
    subprotocols: listed(request.getHeader("sec-websocket-protocol")),
  };
}

/** What has to be asked for while the request is there; null: the socket itself can tell. */
function addressesOf({ response, request }: UpgradeCall, { addresses }: SocketHost): SocketAddresses | null {
  if (!addresses.isEager) return null;
  return { remote: addresses.of(response, request), peer: addresses.ofSocket(response) };
}

function accept(
  decision: Extract<UpgradeDecision, { kind: "accept" }>,
  asked: UpgradeRequest,
  { host, call }: { readonly host: SocketHost; readonly call: UpgradeCall },
): void {
  const subprotocol = decision.subprotocol ?? "";
  if (subprotocol !== "" && !asked.subprotocols.includes(subprotocol)) {
    throw new Error(`The subprotocol ${subprotocol} was accepted but not offered.`);
  }
  const { response, request, context, arrival } = call;
  const key = request.getHeader("sec-websocket-key");
  const extensions = request.getHeader("sec-websocket-extensions");
  arrival.socket = new UwsSocket(host, addressesOf(call, host), decision.open);
  try {
    response.upgrade(NO_USER_DATA, key, subprotocol, extensions, context);
  } finally {
    arrival.socket = null;
  }
}

function refuse(response: UwsResponse, answer: HttpAnswer): void {
  writeAnswer(response, answer, UPGRADE_MODE);
}

const NOTHING_LISTED: readonly string[] = [];

function listed(header: string): readonly string[] {
  return header === "" ? NOTHING_LISTED : header.split(",").map((item) => item.trim());
}

/** Throws a RangeError that says what is wrong, unless `value` is a whole number within the bounds. */
export function checkRange(name: string, value: number, bounds: { readonly min: number; readonly max: number }): void {
  if (Number.isInteger(value) && value >= bounds.min && value <= bounds.max) return;
  throw new RangeError(`${name} is ${value}; it must be a whole number from ${bounds.min} to ${bounds.max}.`);
}
