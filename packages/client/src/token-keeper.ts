import type { RefreshedFrame } from "@carillon/protocol";
import { CarillonError } from "./errors.ts";
import type { ConnectionTokenSource } from "./options.ts";
import type { Requests } from "./requests.ts";

/** What a TokenKeeper stands on. */
export interface TokenKeeperOptions {
  readonly requests: Pick<Requests, "ask">;
  readonly getToken: ConnectionTokenSource | null;
  /** Hears that the server doesn't take a token, or that there was none to be had in time. */
  readonly onRefused: (error: CarillonError) => void;
}

/** A token is replaced when this share of its time is left, at most {@link MAX_MARGIN_MS} before its end. */
const MARGIN_SHARE = 0.2;
const MAX_MARGIN_MS = 60_000;
const RETRY_MS = 5_000;
/** Never at once, whatever the clocks say: that would be a loop. */
const LEAST_MS = 1_000;
/** What a timer can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Shows the connection token, and a new one before it expires. */
export class TokenKeeper {
  readonly #options: TokenKeeperOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Tells this connection from those before. */
  #generation = 0;
  #isPending = false;

  constructor(options: TokenKeeperOptions) {
    this.#options = options;
  }

  /** True while this connection has no token yet and may still get one: what wants one is not refused for good. */
  get isPending(): boolean {
    return this.#isPending;
  }

  /** Shows a token on the connection that has just begun. */
  show(token: string): void {
    this.stop();
    this.#isPending = true;
    void this.#refresh(token, this.#generation);
  }

  /** The connection is no more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#generation++;
    this.#isPending = false;
  }

  async #refresh(token: string, generation: number): Promise<void> {
    const { requests, onRefused } = this.#options;
    try {
      const { expiresAt, expiresInMs = expiresAt - Date.now() } = (await requests.ask({
        type: "refresh",
        token,
      })) as RefreshedFrame;
      if (generation !== this.#generation) return;
      this.#isPending = false;
      this.#plan(expiresInMs - Math.min(MAX_MARGIN_MS, expiresInMs * MARGIN_SHARE), generation);
    } catch (error) {
      if (generation !== this.#generation) return;
      onRefused(error as CarillonError);
      // One that has expired on the way is replaced; others would be refused again.
      const { isRetryable, code } = error as CarillonError;
      if (isRetryable || code === "token_expired") this.#plan(RETRY_MS, generation);
      else this.#isPending = false;
    }
  }

  #plan(delayMs: number, generation: number): void {
    // Spread out, so that the clients of an application don't ask it all at once.
    const jittered = Math.max(LEAST_MS, delayMs * (0.9 + Math.random() * 0.1));
    this.#timer = setTimeout(() => void this.#replace(generation), Math.min(jittered, MAX_TIMER_MS));
  }

  async #replace(generation: number): Promise<void> {
    const { getToken, onRefused } = this.#options;
    try {
      const token = (await getToken?.()) ?? null;
      if (generation === this.#generation && token !== null) await this.#refresh(token, generation);
    } catch (cause) {
      if (generation !== this.#generation) return;
      onRefused(new CarillonError("auth_failed", `getToken failed: ${String(cause)}`, { cause, isRetryable: true }));
      this.#plan(RETRY_MS, generation);
    }
  }
}
