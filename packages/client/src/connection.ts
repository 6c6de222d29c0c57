import { reconnectRule, type WelcomeFrame } from "@carillon/protocol";
import { backoffMs } from "./backoff.ts";
import type { Settings } from "./settings.ts";
import type { ConnectionState, DisconnectReason } from "./state.ts";
import type { Transport, TransportLink } from "./transport.ts";
import { TransportChoice } from "./transport-choice.ts";
import { onWake } from "./wake.ts";
import type { WireCommand, WireFrame } from "./wire.ts";

/** Hears what happens to a connection. */
export interface ConnectionOwner {
  onState(state: ConnectionState): void;
  /** There is a connection; `token` was got for it, and has not been shown yet. */
  onOpen(welcome: WelcomeFrame, token: string | null): void;
  onFrame(frame: WireFrame): void;
  /** The connection that {@link onOpen} told of is no more. */
  onLost(): void;
}

const NO_WEBSOCKET = 'no WebSocket here: use Node 22, or pass the one of "ws" as the option WebSocket';

/** A connection that stood for so long was good: the next delay is a short one again. */
const STABLE_MS = 10_000;
/** So long after the first look for a better transport comes the second, in ms; from then on the pause more than doubles. */
const PROBE_MS = 60_000;
/** After so many ends in a row that ask to come back at once, the growing delay holds all the same. */
const MAX_AT_ONCE = 3;

/**
 * Keeps a connection: connects, notices when it is dead, and comes back as the close code's range says, spread out by full
 * jitter. One link at a time; what an older one still says is not heard.
 */
export class Connection {
  readonly #settings: Settings;
  readonly #owner: ConnectionOwner;
  readonly #choice: TransportChoice;
  #state: ConnectionState = { status: "idle" };
  #link: TransportLink | null = null;
  /** Tells the newest attempt from those before. */
  #attemptId = 0;
  #attempt = 0;
  #atOnce = 0;
  #openedAtMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pingTimer: ReturnType<typeof setTimeout> | undefined;
  #probeTimer: ReturnType<typeof setTimeout> | undefined;
  /** Beside the link: by the best transport, to see whether it gets through. */
  #probe: TransportLink | null = null;
  #heardAtMs = 0;
  /** As the welcome says it. */
  #maxFrameBytes = 0;
  /** Of the last `error` frame without an id: it announces the end of the connection. */
  #announced: { readonly code: string; readonly message: string } | null = null;
  #hintMs: number | null = null;
  #stopWaking: (() => void) | null = null;

  constructor(settings: Settings, owner: ConnectionOwner) {
    this.#settings = settings;
    this.#owner = owner;
    this.#choice = new TransportChoice(settings.transports);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Connects, unless that is under way or done; no longer waits when a delay is running. */
  connect(): void {
    if (this.#state.status === "connecting" || this.#state.status === "connected") return;
    this.#stopWaking ??= onWake((isOnline) => this.#wake(isOnline));
    void this.#dial();
  }

  /** Ends the connection, and comes back no more. */
  close(): void {
    this.#end({ code: "closed", message: "the application closed the client" });
  }

  /** Sends a command; false when there is no connection. Throws for one that can't be sent at all. */
  send(command: WireCommand): boolean {
    if (this.#link === null || this.#state.status !== "connected") return false;
    this.#link.send(command, this.#maxFrameBytes);
    return true;
  }

  async #dial(): Promise<void> {
    clearTimeout(this.#timer);
    const id = ++this.#attemptId;
    const { url, connectTimeoutMs, getToken } = this.#settings;
    const transport = this.#choice.current;
    this.#become({ status: "connecting", attempt: this.#attempt });
    // The state's listeners may have closed the client, or begun another attempt.
    const isCurrent = () => id === this.#attemptId;
    if (!isCurrent()) return;
    if (transport === null) {
      this.#end({ code: "no_transport", message: NO_WEBSOCKET });
      return;
    }
    const limit = (what: string, timeoutMs: number) => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        if (what === transport.name) this.#choice.failed(transport, true);
        this.#drop({ code: "timeout", message: `no connection within ${timeoutMs} ms (${what})` });
      }, timeoutMs);
    };
    // A token that is slow to come says nothing about the transport.
    limit("getToken", connectTimeoutMs);
    let token: string | null = null;
    try {
      token = (await getToken?.()) ?? null;
    } catch (error) {
      if (isCurrent()) this.#drop({ code: "auth_failed", message: `getToken failed: ${String(error)}` });
      return;
    }
    if (!isCurrent()) return;
    limit(transport.name, this.#choice.timeoutMs(transport, connectTimeoutMs));
    this.#announced = null;
    this.#hintMs = null;
    this.#link = transport.open(url, {
      onFrame: (frame) => {
        if (!isCurrent()) return;
        this.#heardAtMs = performance.now();
        if (frame.type === "welcome" && this.#state.status === "connecting") {
          clearTimeout(this.#timer);
          this.#openedAtMs = this.#heardAtMs;
          this.#maxFrameBytes = frame.maxFrameBytes;
          this.#choice.succeeded(transport);
          this.#planPing();
          this.#planProbe(transport, 0);
          this.#become({ status: "connected", connectionId: frame.connectionId, transport: transport.name });
          if (isCurrent()) this.#owner.onOpen(frame, token);
          return;
        }
        if (frame.type === "reconnect") this.#hintMs = frame.delayMs;
        else if (frame.type === "error" && frame.id === undefined) this.#announced = frame;
        this.#owner.onFrame(frame);
      },
      onClosed: (code, reason) => {
        if (!isCurrent()) return;
        // A code of the registry is a server's word: the transport has got through.
        if (this.#state.status === "connecting" && code < 4000) this.#choice.failed(transport, false);
        this.#onClosed(code, reason);
      },
    });
  }

  #onClosed(closeCode: number, text: string): void {
    const { code, message } = this.#announced ?? { code: "connection_lost", message: text || "the connection broke" };
    const reason = { code, closeCode, message };
    const rule = reconnectRule(closeCode);
    if (rule === "never") this.#end(reason);
    else this.#drop(reason, rule === "immediate");
  }

  /** What there was is no more; comes back later. */
  #drop(reason: DisconnectReason, isAtOnce = false): void {
    this.#letGo();
    if (this.#openedAtMs > 0 && performance.now() - this.#openedAtMs > STABLE_MS) {
      this.#attempt = 0;
      this.#atOnce = 0;
    }
    this.#openedAtMs = 0;
    const mayBeAtOnce = isAtOnce && this.#atOnce++ < MAX_AT_ONCE;
    const delayMs = mayBeAtOnce ? (this.#hintMs ?? 0) : backoffMs(this.#settings.backoff, this.#attempt);
    this.#attempt++;
    const id = this.#attemptId;
    this.#become({ status: "waiting", attempt: this.#attempt, retryAtMs: Date.now() + delayMs, reason });
    // Unless a listener of the state has decided otherwise.
    if (id === this.#attemptId) this.#timer = setTimeout(() => void this.#dial(), delayMs);
  }

  #end(reason: DisconnectReason): void {
    this.#letGo();
    this.#stopWaking?.();
    this.#stopWaking = null;
    this.#attempt = 0;
    this.#atOnce = 0;
    this.#become({ status: "closed", reason });
  }

  #letGo(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#pingTimer);
    clearTimeout(this.#probeTimer);
    this.#attemptId++;
    this.#link?.close();
    this.#link = null;
    this.#probe?.close();
    if (this.#state.status === "connected") this.#owner.onLost();
  }

  /**
   * Tries the best transport beside a lesser one: when it failed, the server may have been away. At once, since by now the server
   * is here, and again at times, since what stood in the way may be gone.
   */
  #planProbe(transport: Transport, delayMs: number): void {
    const { transports, url } = this.#settings;
    const [best = transport] = transports;
    if (best === transport) return;
    this.#probeTimer = setTimeout(() => {
      this.#probe?.close();
      this.#planProbe(transport, delayMs * 2 + PROBE_MS);
      this.#probe = best.open(url, {
        onFrame: ({ type }) => {
          if (type !== "welcome") return;
          this.#choice.succeeded(best);
          this.#letGo();
          void this.#dial();
        },
        onClosed: () => undefined,
      });
    }, delayMs);
  }

  /** The device is awake, or online, again: a connection may have died meanwhile, and there is no reason to wait for it. */
  #wake(isOnline: boolean): void {
    if (isOnline) this.#choice.forget();
    if (this.#state.status === "waiting") void this.#dial();
    else if (this.#state.status === "connected") this.#ping();
  }

  /** One timer for a while of silence, and not one for each frame. */
  #planPing(): void {
    clearTimeout(this.#pingTimer);
    const quietMs = performance.now() - this.#heardAtMs;
    const leftMs = this.#settings.pingAfterMs - quietMs;
    this.#pingTimer = setTimeout(() => (leftMs > 0 ? this.#planPing() : this.#ping()), Math.max(leftMs, 0));
  }

  #ping(): void {
    const sentAtMs = performance.now();
    this.send({ type: "ping" });
    clearTimeout(this.#pingTimer);
    this.#pingTimer = setTimeout(() => {
      if (this.#heardAtMs >= sentAtMs) this.#planPing();
      else this.#drop({ code: "connection_lost", message: "the server gave no sign of life" }, true);
    }, this.#settings.pongTimeoutMs);
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    this.#owner.onState(state);
  }
}
