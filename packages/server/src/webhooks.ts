import { CarillonError } from "./carillon-error.ts";
import { hmacSha256Hex, isEqual } from "./hashes.ts";
import { invalid } from "./ids.ts";
import { checkSecret, type Settings, wrong } from "./options.ts";

/**
 * Something that has happened, as docs/webhooks.md has it. A newer Carillon may tell of more: leave out names that you
 * don't know.
 */
export type WebhookEvent = { readonly id: string; readonly channel: string } & (
  | { readonly name: "channel_occupied" | "channel_vacated" | "cache_miss" }
  | { readonly name: "member_added" | "member_removed"; readonly user_id: string }
  | { readonly name: "subscription_count"; readonly subscription_count: number }
  | {
      readonly name: "client_event";
      readonly event: string;
      /** JSON text, or the text that was sent where that was one. */
      readonly data: string;
      readonly socket_id: string;
      /** On presence channels. */
      readonly user_id?: string;
    }
);

/** A webhook that Carillon sent. */
export interface Webhook {
  /** When this attempt was made, in ms since 1970. */
  readonly timeMs: number;
  /** In the order in which they happened on each channel. An event may come again, with the same `id`. */
  readonly events: readonly WebhookEvent[];
}

/** Headers of a request: those of `Request`, or a map of any case, as Node has it. */
export type WebhookHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/** What a check goes by. */
export interface WebhookOptions {
  /** Further secrets that may have signed, during a rotation. */
  readonly secrets?: readonly string[] | undefined;
  /**
   * How old a request may be, in seconds; default 300, 0 = as old as it is. It keeps what was overheard from being sent
   * again later.
   */
  readonly maxAgeSeconds?: number | undefined;
}

const DEFAULT_MAX_AGE_SECONDS = 300;
const SIGNATURE = /^[0-9a-f]{64}$/;

/** Checks the webhooks of an app. */
export class Webhooks {
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /**
   * Checks that a request comes from Carillon, and answers what it says. `body` is the text as it came, before
   * anything has parsed it: `await request.text()`. Signatures are compared in constant time.
   *
   * Throws `invalid_webhook` with what is wrong: answer with 401 then. Throws a TypeError for options that would let anybody's in.
   *
   * @example
   * const { events } = carillon.webhooks.verify(await request.text(), request.headers);
   */
  verify(body: string | Uint8Array, headers: WebhookHeaders, options: WebhookOptions = {}): Webhook {
    const { secrets = [], maxAgeSeconds = DEFAULT_MAX_AGE_SECONDS } = options;
    if (!Array.isArray(secrets)) wrong('"secrets" of webhooks must be a list of secrets');
    if (!(maxAgeSeconds >= 0)) wrong('"maxAgeSeconds" of webhooks must be a number of seconds, 0 for any age');
    if (typeof body !== "string" && !(body instanceof Uint8Array)) {
      const advice =
        'await request.text(), or in Express express.raw({ type: "application/json" }) before any express.json()';
      invalid(
        `the body of a webhook is checked as it came, not what a parser made of it: pass its text or bytes (${advice})`,
      );
    }
    const key = headerOf(headers, "x-pusher-key");
    if (key !== this.#settings.key) {
      refuse(key === null ? 'the header "x-pusher-key" is missing' : "it is for the app of another key");
    }
    const signature = headerOf(headers, "x-pusher-signature")?.toLowerCase() ?? "";
    if (!SIGNATURE.test(signature)) refuse('the header "x-pusher-signature" is missing, or no signature');
    if (!isSignedByOne([this.#settings.secret, ...secrets], body, signature)) {
      refuse("its signature is by none of the secrets, or the body is not as it came");
    }
    const webhook = read(body);
    const offSeconds = Math.abs(Date.now() - webhook.timeMs) / 1000;
    if (maxAgeSeconds !== 0 && offSeconds > maxAgeSeconds) {
      refuse(`it was made ${Math.round(offSeconds)} s away from this machine's clock, ${maxAgeSeconds} s are allowed`);
    }
    return webhook;
  }
}

/**
 * True when one of the secrets made the signature; all are tried, also after one that did. Throws a TypeError for one that
 * is missing: everybody could sign with that.
 */
export function isSignedByOne(secrets: readonly string[], body: string | Uint8Array, signature: string): boolean {
  for (const secret of secrets) checkSecret("secrets", secret);
  let isRight = false;
  for (const secret of secrets) isRight = isEqual(hmacSha256Hex(secret, body), signature) || isRight;
  return isRight;
}

/** A header by its name in lower case; null for none. Of several the first. */
export function headerOf(headers: WebhookHeaders, name: string): string | null {
  if (typeof headers.get === "function") return headers.get(name);
  const entries = Object.entries(headers as Readonly<Record<string, unknown>>);
  const value = entries.find(([each]) => each.toLowerCase() === name)?.[1];
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === "string" ? first : null;
}

function read(body: string | Uint8Array): Webhook {
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return refuse("its body is not JSON", cause);
  }
  const { time_ms: timeMs, events } = (value ?? {}) as { readonly time_ms?: unknown; readonly events?: unknown };
  if (typeof timeMs !== "number" || !Array.isArray(events)) return refuse('its body has no "time_ms" or no "events"');
  // Carillon has signed it, so the events are its own.
  return { timeMs, events: events as readonly WebhookEvent[] };
}

function refuse(reason: string, cause?: unknown): never {
  throw new CarillonError("invalid_webhook", `this is no webhook of the app: ${reason}`, { cause });
}
