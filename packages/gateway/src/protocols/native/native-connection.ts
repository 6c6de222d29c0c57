import {
  countBy,
  formatPosition,
  type Session,
  type SessionOwner,
  type SubscribeResult,
  type Transport,
} from "@carillon/core";
import {
  CLOSE_CODES,
  type CloseCodeName,
  type Command,
  type CommandId,
  type CommandRefusal,
  type ErrorCode,
  type HistoryCommand,
  type HistoryFrame,
  NATIVE_PROTOCOL_VERSION,
  type PresenceCommand,
  type PublishCommand,
  type ReceivedCommand,
  type RefreshCommand,
  type Refusal,
  refuse,
  type ServerFrame,
  type SubscribeCommand,
  type UnsubscribeCommand,
} from "@carillon/protocol";
import type { SocketHandler } from "@carillon/service";
import type { ProtocolServices } from "../../protocol.ts";
import { FrameBacklog } from "./frame-backlog.ts";
import { readHistory } from "./history-reply.ts";
import type { NativeCodec } from "./native-codec.ts";
import { readMembers } from "./presence-reply.ts";
import { answerSubscribe } from "./subscribe-answer.ts";

/** What a NativeConnection is made of. */
export interface NativeConnectionOptions {
  readonly socket: Transport;
  readonly codec: NativeCodec;
  readonly services: ProtocolServices;
}

/** So many refusals in a row, without one good command between them, and the connection is closed. */
const MAX_REFUSALS_IN_A_ROW = 100;

/** Frames that wait for a token may take so many times the longest frame. */
const BACKLOG_FRAMES = 4;

/** Clients that are asked to come back wait up to this long, each another while, so that they don't return as one wave. */
const RECONNECT_JITTER_MS = 1000;

/** One connection that speaks the native protocol: reads commands, asks the session, writes replies. */
export class NativeConnection implements SocketHandler, SessionOwner {
  readonly #socket: Transport;
  readonly #codec: NativeCodec;
  readonly #services: ProtocolServices;
  #session: Session | null = null;
  // Frames wait here while a token is being checked; null at all other times.
  #backlog: FrameBacklog | null = null;
  #refusalsInARow = 0;

  constructor(options: NativeConnectionOptions) {
    this.#socket = options.socket;
    this.#codec = options.codec;
    this.#services = options.services;
  }

  /** Begins the conversation of an open session: checks the token of the URL, if there is one, then welcomes the client. */
  begin(session: Session, token: string | null): void {
    this.#session = session;
    if (token === null) {
      this.#welcome(session);
      return;
    }
    this.#run(this.#beginWithToken(session, token));
  }

  /** Says that something about the connection itself is wrong, and was left out. */
  complain(refusal: Refusal): void {
    this.#refuse(refusal);
  }

  onFrame(data: Uint8Array, _isBinary: boolean): void {
    const { counters } = this.#services;
    counters.framesIn++;
    counters.bytesIn += data.length;
    if (this.#session === null) return;
    if (this.#backlog === null) this.#handle(this.#session, data);
    else if (!this.#backlog.push(data)) this.#session.end("rate_limited");
  }

  onClose(code: number): void {
    countBy(this.#services.counters.connectionsClosed, code);
    this.#session?.onClosed();
    this.#session = null;
  }

  onClosing(name: CloseCodeName): void {
    const { reason } = CLOSE_CODES[name];
    if (name === "drain" || name === "rebalance" || name === "proxy_drain") {
      const delayMs = Math.floor(this.#services.random() * RECONNECT_JITTER_MS);
      this.#write({ type: "reconnect", delayMs, reason });
    } else {
      this.#write({ type: "error", code: name, message: reason });
    }
  }

  onRevoked(channel: string): void {
    const message = "the new connection token does not grant subscribe on this channel";
    this.#write({ type: "unsubscribed", channel, code: "forbidden", message });
  }

  async #beginWithToken(session: Session, token: string): Promise<void> {
    this.#backlog = this.#newBacklog();
    const result = await session.authenticate(token);
    if (!this.#socket.isOpen) return;
    if (result.ok) {
      this.#welcome(session);
      this.#resume(session);
      return;
    }
    this.#write({ type: "error", code: result.code, message: result.message });
    const { code, reason } = CLOSE_CODES[closeCodeFor(result.code)];
    this.#socket.close(code, reason);
  }

  #newBacklog(): FrameBacklog {
    return new FrameBacklog(this.#services.maxFrameBytes * BACKLOG_FRAMES);
  }

  #welcome(session: Session): void {
    const { idleTimeoutMs, maxFrameBytes } = this.#services;
    const { connectionId, grant } = session;
    const welcome = {
      type: "welcome",
      connectionId,
      version: NATIVE_PROTOCOL_VERSION,
      idleTimeoutMs,
      maxFrameBytes,
    } as const;
    this.#write(grant === null ? welcome : { ...welcome, expiresAt: grant.expiresAtMs });
  }

  /** Handles what waited, until the last frame or the next token. */
  #resume(session: Session): void {
    const backlog = this.#backlog;
    this.#backlog = null;
    while (backlog !== null && this.#backlog === null && this.#socket.isOpen) {
      const frame = backlog.shift();
      if (frame === undefined) return;
      this.#handle(session, frame);
    }
    // A waiting frame brought another token: what came after it goes on waiting.
    if (this.#backlog !== null) this.#backlog = backlog;
  }

  #handle(session: Session, data: Uint8Array): void {
    if (data.length > this.#services.maxFrameBytes) {
      const { maxFrameBytes } = this.#services;
      this.#refuse(
        refuse("message_too_large", `the frame has ${data.length} bytes, the limit is ${maxFrameBytes} bytes`),
      );
      return;
    }
    // Counted before it is looked at, so that broken frames are not free; decoded all the same, for the id of the reply.
    const isInTime = session.takeCommand();
    const result = this.#codec.decodeCommand(data);
    if (!isInTime) this.#refuseFast(session, result.ok ? result.value.id : result.id);
    else if (result.ok) this.#execute(session, result.value);
    else this.#refuse(result);
  }

  #execute(session: Session, command: Command): void {
    switch (command.type) {
      case "subscribe":
        this.#subscribe(session, command);
        break;
      case "unsubscribe":
        this.#unsubscribe(session, command);
        break;
      case "publish":
        this.#run(this.#publish(session, command));
        break;
      case "history":
        this.#run(this.#readHistory(session, command));
        break;
      case "presence":
        this.#readMembers(session, command);
        break;
      case "received":
        this.#receive(session, command);
        break;
      case "refresh":
        this.#run(this.#refresh(session, command));
        break;
      case "ping":
        this.#answer({ type: "pong", ...idOf(command) });
        break;
      default:
        command satisfies never;
    }
  }

  #subscribe(session: Session, command: SubscribeCommand): void {
    const results = command.targets.map((target) => session.subscribe(target));
    if (results.some((result) => result instanceof Promise)) {
      this.#run(Promise.all(results).then((settled) => this.#answerSubscribe(command, settled)));
    } else {
      this.#answerSubscribe(command, results as SubscribeResult[]);
    }
  }

  #answerSubscribe(command: SubscribeCommand, results: readonly SubscribeResult[]): void {
    const maxPastBytes = this.#services.maxCatchUpBytes - this.#socket.bufferedBytes;
    const { frame, errors, standing, past } = answerSubscribe(command, results, maxPastBytes);
    const [failed] = errors;
    if (!command.isMany && failed !== undefined) {
      this.#refuse(refuse(failed.code, failed.message), command.id, failed.channel);
      return;
    }
    for (const { code } of errors) countBy(this.#services.counters.refusals, code);
    if (past.length === 0) {
      this.#write(frame);
    } else {
      this.#services.counters.framesOut++;
      this.#socket.writeAll([this.#codec.encodeFrame(frame), ...past], this.#codec.isBinary);
      this.#services.counters.deliveries += past.length;
    }
    if (standing > 0) this.#refusalsInARow = 0;
    else this.#countRefusal("protocol_violation");
  }

  #unsubscribe(session: Session, command: UnsubscribeCommand): void {
    for (const channel of command.channels) session.unsubscribe(channel);
    const [channel] = command.channels;
    if (command.isMany) this.#answer({ type: "unsubscribed", ...idOf(command), channels: command.channels });
    else if (channel !== undefined) this.#answer({ type: "unsubscribed", ...idOf(command), channel });
  }

  async #publish(session: Session, command: PublishCommand): Promise<void> {
    const result = await session.publish(command);
    if (!result.ok) this.#refuse(result, command.id, command.channel);
    else if (command.id === undefined) this.#refusalsInARow = 0;
    else {
      const { messageId, position } = result.value;
      const at = position === null ? {} : { position: formatPosition(position) };
      this.#answer({ type: "published", id: command.id, messageId, ...at });
    }
  }

  async #readHistory(session: Session, command: HistoryCommand): Promise<void> {
    const result = await readHistory(session, command, this.#services.maxCatchUpBytes);
    if (result.ok) this.#answerHistory(result.value);
    else this.#refuse(result, command.id, command.channel);
  }

  #readMembers(session: Session, command: PresenceCommand): void {
    const result = readMembers(session, command);
    if (result.ok) this.#answer(result.value);
    else this.#refuse(result, command.id, command.channel);
  }

  #receive(session: Session, { id, channel, receipt }: ReceivedCommand): void {
    const result = session.receive(channel, messageIdOf(receipt));
    if (!result.ok) this.#refuse(result, id, channel);
    else if (id === undefined) this.#refusalsInARow = 0;
    else this.#answer({ type: "received", id, channel });
  }

  #answerHistory(frame: HistoryFrame): void {
    let bytes: string | Uint8Array;
    try {
      bytes = this.#codec.encodeHistory(frame);
    } catch {
      // The same that keeps such a publication from msgpack clients when it is published.
      this.#refuse(
        refuse("internal_error", "a payload of this history can't be said in msgpack"),
        frame.id,
        frame.channel,
      );
      return;
    }
    this.#refusalsInARow = 0;
    this.#services.counters.framesOut++;
    this.#socket.write(bytes, this.#codec.isBinary);
  }

  async #refresh(session: Session, command: RefreshCommand): Promise<void> {
    this.#backlog = this.#newBacklog();
    const result = await session.authenticate(command.token);
    if (!this.#socket.isOpen) return;
    if (!result.ok) this.#refuse(result, command.id);
    else {
      const expiresAt = result.value.expiresAtMs;
      this.#answer({ type: "refreshed", ...idOf(command), expiresAt, expiresInMs: expiresAt - this.#services.now() });
    }
    this.#resume(session);
  }

  #answer(frame: ServerFrame): void {
    this.#refusalsInARow = 0;
    this.#write(frame);
  }

  #refuse(refusal: CommandRefusal, commandId?: CommandId, channel?: string): void {
    this.#writeRefusal(refusal, commandId ?? refusal.id, channel ?? refusal.channel);
    this.#countRefusal("protocol_violation");
  }

  /** A client that is merely too fast may come back; one whose commands make no sense may not. */
  #refuseFast(session: Session, id: CommandId | undefined): void {
    const { commandsPerSecond } = session.app.settings.limits;
    const message = `a connection may send ${commandsPerSecond} commands a second: slow down`;
    this.#writeRefusal(refuse("rate_limited", message), id);
    this.#countRefusal("rate_limited");
  }

  #writeRefusal({ code, message }: Refusal, id: CommandId | undefined, channel?: string): void {
    countBy(this.#services.counters.refusals, code);
    this.#write({
      type: "error",
      ...(id === undefined ? {} : { id }),
      code,
      message,
      ...(channel === undefined ? {} : { channel }),
    });
  }

  #countRefusal(closeName: CloseCodeName): void {
    this.#refusalsInARow++;
    if (this.#refusalsInARow >= MAX_REFUSALS_IN_A_ROW) this.#session?.end(closeName);
  }

  #write(frame: ServerFrame): void {
    this.#services.counters.framesOut++;
    this.#socket.write(this.#codec.encodeFrame(frame), this.#codec.isBinary);
  }

  /** Owns a task that outlives the frame that began it. */
  #run(task: Promise<void>): void {
    task.catch((error: unknown) => this.#services.onBug(error));
  }
}

/** The message id behind a receipt; "" for one that none of ours made. */
function messageIdOf(receipt: string): string {
  try {
    return decodeURIComponent(receipt);
  } catch {
    return "";
  }
}

/** How a connection ends whose first token was refused. */
function closeCodeFor(code: ErrorCode): CloseCodeName {
  if (code === "token_expired" || code === "token_unverifiable") return code;
  return "unauthorized";
}

function idOf(command: { readonly id?: CommandId }): { readonly id?: CommandId } {
  return command.id === undefined ? {} : { id: command.id };
}
