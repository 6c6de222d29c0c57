import type { Clock } from "@carillon/core";
import {
  type CryptoKey,
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWKSCacheInput,
  type JWSHeaderParameters,
  jwksCache,
  type LocalJWKSet,
  type RemoteJWKSet,
} from "jose";

/** Finds the key for one token; the form that jose's `jwtVerify` takes. */
export type KeyFinder = (header: JWSHeaderParameters, token: FlattenedJWSInput) => Promise<CryptoKey>;

/** Fetches one key set over HTTP. */
export type KeySetFetch = (
  url: string,
  options: {
    readonly headers: Headers;
    readonly method: "GET";
    readonly redirect: "manual";
    readonly signal: AbortSignal;
  },
) => Promise<Response>;

/** What {@link KeySets} needs. */
export interface KeySetsOptions {
  readonly clock: Clock;
  readonly fetch: KeySetFetch;
  /** Shortest time between two fetches of one set because of an unknown key id. */
  readonly cooldownMs: number;
}

/** No key of an app's key set could be had: it was never fetched, or too long ago, or it had none that fits. Trying again later is right. */
export class KeySetUnavailableError extends Error {
  readonly code = "key_set_unavailable";
  override readonly name = "KeySetUnavailableError";
}

/** Sets in use at once; the least recently used one is forgotten beyond that, and fetched again when it is needed. */
const MAX_KEY_SETS = 200;
const FETCH_TIMEOUT_MS = 5000;
/** A known set is fetched again after this, so that a withdrawn key ends. */
const MAX_AGE_MS = 10 * 60_000;
/** While the URL fails, the last known set counts this long: a token service may be away without cutting everybody off. */
const MAX_STALE_MS = 60 * 60_000;
/** Pause behind a failed fetch, so that a storm of connections does not become a storm of fetches. */
const FAILURE_PAUSE_MS = 2000;
/** Real sets have a few kilobytes. */
const MAX_KEY_SET_BYTES = 256 * 1024;

/** The JSON Web Key Sets of all apps, fetched when first needed and cached by URL. */
export class KeySets {
  readonly #options: KeySetsOptions;
  readonly #sets = new Map<string, KeySet>();

  constructor(options: KeySetsOptions) {
    this.#options = options;
  }

  /** A finder for the keys at `url`. It rejects with jose's errors, or with {@link KeySetUnavailableError}. */
  finder(url: string): KeyFinder {
    const known = this.#sets.get(url);
    const set = known ?? new KeySet(url, this.#options);
    // Put last: a Map keeps the order of insertion, so its first entry is the least recently used.
    this.#sets.delete(url);
    this.#sets.set(url, set);
    const [oldest] = this.#sets.keys();
    if (this.#sets.size > MAX_KEY_SETS && oldest !== undefined) this.#sets.delete(oldest);
    return (header, token) => set.find(header, token);
  }
}

/** One key set: jose's fetching and caching, and what to do while the URL fails. */
class KeySet {
  readonly #remote: RemoteJWKSet;
  readonly #clock: Clock;
  /** Where jose leaves each set that it fetched and found well-formed. */
  readonly #cache: JWKSCacheInput = {};
  #latest: JSONWebKeySet | undefined;
  #latestMs = 0;
  #pausedUntilMs = 0;
  #lastKnown: LocalJWKSet | null = null;

  constructor(url: string, { clock, fetch, cooldownMs }: KeySetsOptions) {
    this.#clock = clock;
    this.#remote = createRemoteJWKSet(new URL(url), {
      timeoutDuration: FETCH_TIMEOUT_MS,
      cooldownDuration: cooldownMs,
      cacheMaxAge: MAX_AGE_MS,
      [jwksCache]: this.#cache,
      [customFetch]: boundedFetch(fetch),
    });
  }

  async find(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    if (this.#clock.monotonic() < this.#pausedUntilMs) return this.#findInLastKnown(header, token, undefined);
    try {
      return await this.#remote(header, token);
    } catch (cause) {
      if (isAnswer(cause)) throw cause;
      this.#pausedUntilMs = this.#clock.monotonic() + FAILURE_PAUSE_MS;
      return this.#findInLastKnown(header, token, cause);
    } finally {
      this.#noteLatest();
    }
  }

  /** Notes when a set came. Every fetch is within some call of `find`, so none is noted much too late. */
  #noteLatest(): void {
    const { jwks } = this.#cache;
    if (jwks === undefined || jwks === this.#latest) return;
    this.#latest = jwks;
    this.#latestMs = this.#clock.monotonic();
    this.#lastKnown = createLocalJWKSet(jwks);
  }

  async #findInLastKnown(header: JWSHeaderParameters, token: FlattenedJWSInput, cause: unknown): Promise<CryptoKey> {
    const ageMs = this.#clock.monotonic() - this.#latestMs;
    if (this.#lastKnown === null || ageMs > MAX_STALE_MS) {
      throw new KeySetUnavailableError("the key set can't be fetched", { cause });
    }
    try {
      return await this.#lastKnown(header, token);
    } catch (error) {
      // It may be of a newer set: whoever is refused for that stays away for good.
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      throw new KeySetUnavailableError("the key set can't be fetched, and the last known one has no such key", {
        cause,
      });
    }
  }
}

/** True when the set was there and the answer is about the token, not about the fetch. */
function isAnswer(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}

/** Reads the whole body, up to the bound; jose itself would read whatever comes. */
function boundedFetch(fetch: KeySetFetch): FetchImplementation {
  return async (url, options) => {
    const response = await fetch(url, options);
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of response.body ?? []) {
      bytes += part.length;
      if (bytes > MAX_KEY_SET_BYTES) throw new RangeError(`the key set is larger than ${MAX_KEY_SET_BYTES} bytes`);
      parts.push(part);
    }
    return new Response(Buffer.concat(parts), { status: response.status });
  };
}
