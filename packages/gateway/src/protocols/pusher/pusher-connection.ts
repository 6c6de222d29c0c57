import {
  countBy,
  type Session,
  type SessionOwner,
  type SubscribeResult,
  type Transport,
  type Watched,
  type WatchReport,
} from "@carillon/core";
import {
  CLOSE_CODES,
  type CloseCodeName,
  type Refusal,
  reconnectRule,
  refuse,
  type SubscribeTarget,
  userOfChannel,
} from "@carillon/protocol";
import {
  connectionEstablished,
  decodePusherCommand,
  PUSHER_NOTICES,
  PUSHER_PONG,
  PUSHER_RECOVERY_PONG,
  type PusherClientEvent,
  type PusherCommand,
  type PusherRefused,
  type PusherSignIn,
  type PusherSubscribe,
  pusherError,
  watchlistEvents,
} from "@carillon/protocol/pusher";
import type { SocketHandler } from "@carillon/service";
import type { ProtocolServices } from "../../protocol.ts";
import { burstOf } from "./command-burst.ts";
import { pusherRecoveryCodec } from "./pusher-codec.ts";
import { signIn } from "./sign-in.ts";
import { failureFrames, subscribedBy, successFrames, targetOf, withSignedText } from "./subscribe-reply.ts";

/** What a PusherConnection is made of. */
export interface PusherConnectionOptions {
  readonly socket: Transport;
  readonly services: ProtocolServices;
  /** What the client calls itself; "" for nothing. */
  readonly client: string;
}

/**
 * So many frames in a row that made no sense or came too fast, without a good one between them, and the connection is closed.
 * What an application may do by mistake, such as subscribing without proof or to a name that is none, doesn't count: the client would be gone for good.
 */
const MAX_REFUSALS_IN_A_ROW = 100;

/** Pusher has one number for a connection that is not, or no longer, allowed. */
const OWN_CLOSE_CODES: Partial<Readonly<Record<CloseCodeName, number>>> = {
  disconnected: CLOSE_CODES.unauthorized.code,
};

/** What pysher calls itself. It doesn't look at close codes, and stays away for good unless an error tells it to come back. */
const PYSHER = "Pysher";

/** One connection that speaks the Pusher protocol: reads its frames, asks the session, writes the answers. */
export class PusherConnection implements SocketHandler, SessionOwner, Watched {
  readonly closeCodes = OWN_CLOSE_CODES;
  readonly #socket: Transport;
  readonly #services: ProtocolServices;
  readonly #client: string;
  #session: Session | null = null;
  #refusalsInARow = 0;
  /** What is said before a close, where the code's own sentence says too little. */
  #lastWord: string | null = null;
  heardAtMs: number;

  constructor({ socket, services, client }: PusherConnectionOptions) {
    this.#socket = socket;
    this.#services = services;
    this.#client = client;
    this.heardAtMs = this.#monotonic();
  }

  /** Begins the conversation of an open session. */
  begin(session: Session): void {
    this.#session = session;
    this.#services.idle.add(this);
    this.#write(connectionEstablished(session.connectionId, Math.floor(this.#services.idleTimeoutMs / 1000)));
  }

  onFrame(data: Uint8Array, isBinary: boolean): void {
    const { counters } = this.#services;
    counters.framesIn++;
    counters.bytesIn += data.length;
    this.onAlive();
    // The protocol has no binary frames.
    if (this.#session === null || isBinary || !this.#socket.isOpen) return;
    this.#handle(this.#session, data);
  }

  onAlive(): void {
    this.heardAtMs = this.#monotonic();
  }

  onSilent(): void {
    this.#session?.end("idle");
  }

  onClose(code: number): void {
    countBy(this.#services.counters.connectionsClosed, code);
    this.#services.idle.remove(this);
    this.#session?.onClosed();
    this.#session = null;
  }

  onClosing(name: CloseCodeName): void {
    // Those who only have to come back do so by the code. An error would be shown to users, who have nothing to fear.
    const { code, reason } = CLOSE_CODES[name];
    if (reconnectRule(code) === "immediate" && this.#client !== PYSHER) return;
    this.#write(pusherError(this.closeCodes[name] ?? code, this.#lastWord ?? reason));
  }

  /** No Pusher client shows connection tokens, so no newer one takes anything away. */
  onRevoked(): void {
    // Nothing to say.
  }

  onWatched({ online, offline }: WatchReport): void {
    const frame = watchlistEvents(online, offline);
    if (frame !== null) this.#write(frame);
  }

  #handle(session: Session, data: Uint8Array): void {
    const { maxFrameBytes } = this.#services;
    if (data.length > maxFrameBytes) {
      const message = `the frame has ${data.length} bytes, the limit is ${maxFrameBytes} bytes`;
      this.#refuseMalformed(refuse("message_too_large", message));
      return;
    }
    // Counted before it is looked at, so that broken frames are not free.
    const isInTime = session.takeCommand(burstOf(session));
    const command = decodePusherCommand(data);
    if (!command.ok) this.#refuseMalformed(command);
    else if (isInTime || command.value.type === "ping") this.#execute(session, command.value);
    else this.#refuseFast(session, command.value);
  }

  #execute(session: Session, command: PusherCommand): void {
    switch (command.type) {
      case "subscribe":
        this.#subscribe(session, command);
        break;
      case "unsubscribe":
        // Whoever is signed in hears what is sent to that user.
        if (userOfChannel(command.channel) === null) session.unsubscribe(command.channel);
        break;
      case "client-event":
        this.#run(this.#publish(session, command));
        break;
      case "signin":
        this.#run(this.#signIn(session, command));
        break;
      case "refused":
        this.#answerRefused(session, command);
        break;
      case "ping":
        this.#write(command.wantsRecovery && this.#beginRecovery(session) ? PUSHER_RECOVERY_PONG : PUSHER_PONG);
        break;
      case "pong":
      case "unknown":
        break;
      default:
        command satisfies never;
    }
  }

  /** False where it comes too late, since what stands would have begun without a position. */
  #beginRecovery(session: Session): boolean {
    return session.codec === pusherRecoveryCodec || session.useCodec(pusherRecoveryCodec);
  }

  #subscribe(session: Session, command: PusherSubscribe): void {
    const target = targetOf(command, session.codec === pusherRecoveryCodec);
    const result = session.subscribe(target);
    if (result instanceof Promise) this.#run(result.then((settled) => this.#answerSubscribe(session, target, settled)));
    else this.#answerSubscribe(session, target, result);
  }

  #answerSubscribe(session: Session, target: SubscribeTarget, result: SubscribeResult): void {
    const joined = result.ok ? (result.value?.join() ?? null) : result;
    if (joined !== null && !joined.ok) {
      this.#refuseSubscribe(target.channel, withSignedText(joined, session.connectionId, target));
      return;
    }
    this.#refusalsInARow = 0;
    const { frames, deliveries } = successFrames({
      target,
      joined: joined?.value ?? null,
      // A client that comes back asks for all of its channels at once.
      maxPastBytes: this.#services.maxCatchUpBytes - this.#socket.bufferedBytes,
      hasRecovery: session.codec === pusherRecoveryCodec,
    });
    this.#services.counters.framesOut += frames.length;
    this.#socket.writeAll(frames, false);
    this.#services.counters.deliveries += deliveries;
  }

  #refuseSubscribe(channel: string, refusal: Refusal): void {
    // The client itself has unsubscribed meanwhile.
    if (refusal.code === "cancelled") return;
    countBy(this.#services.counters.refusals, refusal.code);
    for (const frame of failureFrames(channel, refusal, this.#client)) this.#write(frame);
  }

  async #publish(session: Session, { channel, event, payload, isDataText }: PusherClientEvent): Promise<void> {
    const text = isDataText === undefined ? {} : { isDataText };
    const result = await session.publish({ channel, event, payload, isEchoed: false, ...text });
    if (result.ok) this.#refusalsInARow = 0;
    else if (result.code !== "cancelled") this.#rejectClientEvent(session, result);
  }

  #rejectClientEvent(session: Session, { code, message }: Refusal): void {
    const isOff = !session.app.settings.clientEvents.enabled;
    // No Pusher client has a connection token, so that is reason enough, whatever else is wrong.
    const reason = isOff ? "the app has client events switched off (apps[].clientEvents.enabled)" : message;
    this.#complain(
      refuse(code, reason),
      isOff || code === "rate_limited" ? PUSHER_NOTICES.client_event_rejected : null,
    );
  }

  async #signIn(session: Session, command: PusherSignIn): Promise<void> {
    const answer = await signIn(session, command);
    if (!this.#socket.isOpen) return;
    if (answer.ok) {
      this.#refusalsInARow = 0;
      for (const frame of answer.value) this.#write(frame);
    } else if (answer.code === "not_found") {
      this.#complain(answer);
    } else {
      countBy(this.#services.counters.refusals, answer.code);
      this.#lastWord = answer.message;
      // What passes by itself must not keep the client away.
      session.end(answer.code === "unauthorized" || answer.code === "invalid_field" ? "unauthorized" : "over_capacity");
    }
  }

  #answerRefused(session: Session, { subscribed, refusal }: PusherRefused): void {
    if (subscribed === null) this.#rejectClientEvent(session, refusal);
    else this.#refuseSubscribe(subscribed, refusal);
  }

  #refuseMalformed(refusal: Refusal): void {
    this.#complain(refusal);
    this.#countRefusal("protocol_violation");
  }

  /** A client that is merely too fast may come back; one whose frames make no sense may not. */
  #refuseFast(session: Session, command: PusherCommand): void {
    const { commandsPerSecond } = session.app.settings.limits;
    const refusal = refuse("rate_limited", `a connection may send ${commandsPerSecond} frames a second: slow down`);
    const channel = subscribedBy(command);
    if (channel !== null) this.#refuseSubscribe(channel, refusal);
    else this.#complain(refusal, isClientEvent(command) ? PUSHER_NOTICES.client_event_rejected : null);
    this.#countRefusal("rate_limited");
  }

  /** Says that something is wrong, on a connection that lives on. */
  #complain({ code, message }: Refusal, notice: number | null = null): void {
    countBy(this.#services.counters.refusals, code);
    this.#write(pusherError(notice, message));
  }

  #countRefusal(closeName: CloseCodeName): void {
    this.#refusalsInARow++;
    if (this.#refusalsInARow >= MAX_REFUSALS_IN_A_ROW) this.#session?.end(closeName);
  }

  #write(frame: string | Uint8Array): void {
    this.#services.counters.framesOut++;
    this.#socket.write(frame, false);
  }

  #monotonic(): number {
    return this.#services.node.services.clock.monotonic();
  }

  /** Owns a task that outlives the frame that began it. */
  #run(task: Promise<void>): void {
    task.catch((error: unknown) => this.#services.onBug(error));
  }
}

function isClientEvent({ type }: PusherCommand): boolean {
  return type === "client-event" || type === "refused";
}
