import { createPublicKey, type KeyObject } from "node:crypto";
import type { App, AppSettings, Clock, ConnectionGrant } from "@carillon/core";
import {
  API_TOKEN_TYPE,
  accept,
  type Capabilities,
  isUserId,
  MAX_USER_ID_LENGTH,
  MAX_USER_INFO_BYTES,
  parseCapabilities,
  type Result,
  refuse,
  userInfoText,
} from "@carillon/protocol";
import { type CryptoKey, decodeProtectedHeader, errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { type KeySets, KeySetUnavailableError } from "./key-sets.ts";

/** What {@link ConnectionTokens} needs. */
export interface ConnectionTokensOptions {
  readonly clock: Clock;
  readonly keySets: KeySets;
}

/** What a new connection token says. */
export interface ConnectionTokenClaims {
  /** Who the connection belongs to, at most {@link MAX_USER_ID_LENGTH}; absent: nobody. */
  readonly sub?: string;
  /** Which token it is, so that it can be blocked by itself; at most as long; absent: it can't. */
  readonly jti?: string;
  /** What presence channels tell about the user, at most {@link MAX_USER_INFO_BYTES} as JSON text; absent: nothing. */
  readonly info?: unknown;
  readonly capabilities: Capabilities;
  /** Seconds from now to the end. */
  readonly ttlSeconds: number;
  /** Now, in milliseconds since 1970; absent: the time of this machine. */
  readonly nowMs?: number;
}

/** Longest token that is looked at. Web servers take about as much in a query. */
const MAX_TOKEN_CHARACTERS = 8192;

/** How far apart the clocks of this node and of the issuer may be. */
const CLOCK_TOLERANCE_SECONDS = 5;

/** The last moment that a Date can hold; an `exp` beyond it means never. */
const LAST_TIME_MS = 8.64e15;

type PublicAlgorithm = "RS256" | "ES256";

interface VerificationKeys {
  readonly secrets: readonly Promise<CryptoKey>[];
  readonly publicKeys: readonly { readonly algorithm: PublicAlgorithm; readonly key: KeyObject }[];
}

/** Makes a connection token (HS256) with the app's newest secret, and with the issuer and audience that it asks for. */
export function mintConnectionToken(app: App, claims: ConnectionTokenClaims): Promise<string> {
  const { secrets, token } = app.settings;
  const [secret] = secrets;
  if (secret === undefined) throw new RangeError("the app has no secret");
  const nowSeconds = Math.floor((claims.nowMs ?? Date.now()) / 1000);
  const jwt = new SignJWT({ cap: claims.capabilities, ...(claims.info === undefined ? {} : { info: claims.info }) })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + claims.ttlSeconds);
  if (claims.sub !== undefined) jwt.setSubject(claims.sub);
  if (claims.jti !== undefined) jwt.setJti(claims.jti);
  if (token.issuer !== null) jwt.setIssuer(token.issuer);
  if (token.audience !== null) jwt.setAudience(token.audience);
  return jwt.sign(new TextEncoder().encode(secret));
}

/**
 * Checks connection tokens (JWT). The algorithm that a token names only picks among the keys made for it: HS256 is checked
 * with secrets and nothing else, RS256 with RSA keys, ES256 with P-256 keys. So a public key can't pass for a secret.
 */
export class ConnectionTokens {
  readonly #options: ConnectionTokensOptions;
  readonly #keys = new WeakMap<AppSettings, VerificationKeys>();

  constructor(options: ConnectionTokensOptions) {
    this.#options = options;
  }

  /** Never rejects. Messages go to the client; they say what is wrong and repeat nothing of the token. */
  async verify(app: App, token: string): Promise<Result<ConnectionGrant>> {
    if (token.length > MAX_TOKEN_CHARACTERS) return invalid(`it is longer than ${MAX_TOKEN_CHARACTERS} characters`);
    try {
      return grantOf(await this.#payloadOf(app.settings, token));
    } catch (error) {
      return refusalFor(error);
    }
  }

  async #payloadOf(settings: AppSettings, token: string): Promise<JWTPayload> {
    const { alg, typ } = decodeProtectedHeader(token);
    if (typ === API_TOKEN_TYPE) throw new TokenProblem("it is one for the publish API, which no client should have");
    if (alg === "HS256") return this.#withSecrets(settings, token);
    if (alg === "RS256" || alg === "ES256") return this.#withPublicKeys(settings, token, alg);
    throw new TokenProblem("its algorithm (`alg`) must be HS256, RS256 or ES256");
  }

  async #withSecrets(settings: AppSettings, token: string): Promise<JWTPayload> {
    for (const secret of this.#keysOf(settings).secrets) {
      const payload = await this.#verifyWith(settings, token, { algorithm: "HS256", key: await secret });
      if (payload !== null) return payload;
    }
    throw new errors.JWSSignatureVerificationFailed();
  }

  async #withPublicKeys(settings: AppSettings, token: string, algorithm: PublicAlgorithm): Promise<JWTPayload> {
    const { jwksUrl } = settings.token;
    const candidates = this.#keysOf(settings).publicKeys.filter((candidate) => candidate.algorithm === algorithm);
    if (candidates.length === 0 && jwksUrl === null) {
      throw new TokenProblem(`the app has no public key for its algorithm, ${algorithm}`);
    }
    for (const { key } of candidates) {
      const payload = await this.#verifyWith(settings, token, { algorithm, key });
      if (payload !== null) return payload;
    }
    if (jwksUrl === null) throw new errors.JWSSignatureVerificationFailed();
    return this.#withKeySet(settings, token, { algorithm, jwksUrl });
  }

  async #withKeySet(
    settings: AppSettings,
    token: string,
    { algorithm, jwksUrl }: { readonly algorithm: PublicAlgorithm; readonly jwksUrl: string },
  ): Promise<JWTPayload> {
    const checks = this.#checks(settings, algorithm);
    try {
      return (await jwtVerify(token, this.#options.keySets.finder(jwksUrl), checks)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      // The token names no key id, and several keys are of its kind: each may be the one.
      for await (const key of error) {
        const payload = await this.#verifyWith(settings, token, { algorithm, key });
        if (payload !== null) return payload;
      }
      throw new errors.JWSSignatureVerificationFailed();
    }
  }

  /** Null when the signature is not of this key, so that the next can be tried; other faults are final and reject. */
  async #verifyWith(
    settings: AppSettings,
    token: string,
    { algorithm, key }: { readonly algorithm: string; readonly key: CryptoKey | KeyObject },
  ): Promise<JWTPayload | null> {
    try {
      return (await jwtVerify(token, key, this.#checks(settings, algorithm))).payload;
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) return null;
      throw error;
    }
  }

  #checks({ token }: AppSettings, algorithm: string) {
    return {
      algorithms: [algorithm],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(this.#options.clock.now()),
      requiredClaims: ["exp"],
      ...(token.issuer === null ? {} : { issuer: token.issuer }),
      ...(token.audience === null ? {} : { audience: token.audience }),
    };
  }

  #keysOf(settings: AppSettings): VerificationKeys {
    let keys = this.#keys.get(settings);
    if (keys === undefined) {
      keys = {
        secrets: settings.secrets.map(importSecret),
        publicKeys: settings.token.publicKeys.map(importPublicKey),
      };
      this.#keys.set(settings, keys);
    }
    return keys;
  }
}

/** Something is wrong with a token that jose does not look at. The message is the end of a sentence. */
class TokenProblem extends Error {
  override readonly name = "TokenProblem";
}

function importSecret(secret: string): Promise<CryptoKey> {
  const bytes = new TextEncoder().encode(secret);
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}

function importPublicKey(pem: string) {
  const key = createPublicKey(pem);
  // The configuration lets RSA and P-256 through and nothing else.
  return { algorithm: key.asymmetricKeyType === "rsa" ? "RS256" : "ES256", key } as const;
}

function grantOf({ sub, jti, info, exp, cap }: JWTPayload): Result<ConnectionGrant> {
  if (sub !== undefined && !isUserId(sub)) {
    const rule = `a text of 1 to ${MAX_USER_ID_LENGTH} characters, none of them a control character or half a surrogate pair`;
    return invalid(`its subject (\`sub\`) must be ${rule}`);
  }
  if (jti !== undefined && (typeof jti !== "string" || jti.length === 0 || jti.length > MAX_USER_ID_LENGTH)) {
    return invalid(`its id (\`jti\`) must be a text of 1 to ${MAX_USER_ID_LENGTH} characters`);
  }
  const userInfo = userInfoText(info);
  if (userInfo === undefined) {
    return invalid(`its user information (\`info\`) must not be longer than ${MAX_USER_INFO_BYTES} bytes as JSON text`);
  }
  const capabilities = cap === undefined ? {} : parseCapabilities(cap);
  if (capabilities === null) {
    return invalid('its capabilities (`cap`) must map channel patterns to lists of verbs: {"orders-*": ["subscribe"]}');
  }
  // jose has refused tokens without a numeric `exp`. The tolerance belongs to the grant too, or a token that was accepted
  // late would grant a time that is already over.
  const endSeconds = Number(exp) + CLOCK_TOLERANCE_SECONDS;
  return accept({
    userId: sub ?? null,
    tokenId: jti ?? null,
    userInfo,
    capabilities,
    expiresAtMs: Math.min(endSeconds * 1000, LAST_TIME_MS),
  });
}

function invalid(reason: string): Result<ConnectionGrant> {
  return refuse("token_invalid", `The connection token is not valid: ${reason}.`);
}

const CLAIM_PROBLEMS: Readonly<Record<string, string>> = {
  exp: "it needs an end (`exp`), as a number of seconds since 1970",
  nbf: "its time has not come yet (`nbf`)",
  iat: "its time of issue (`iat`) is not right",
  iss: "its issuer (`iss`) is not the one that the app asks for",
  aud: "its audience (`aud`) is not the one that the app asks for",
};

function refusalFor(error: unknown): Result<ConnectionGrant> {
  if (error instanceof errors.JWTExpired) {
    return refuse("token_expired", "The connection token has expired: get a new one.");
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return invalid(CLAIM_PROBLEMS[error.claim] ?? "one of its claims is not right");
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return invalid("its signature fits none of the app's keys");
  }
  if (error instanceof errors.JWKSNoMatchingKey) {
    return invalid("the app's key set has no key for its key id (`kid`) and algorithm");
  }
  if (error instanceof KeySetUnavailableError) {
    return refuse("token_unverifiable", "The app's key set can't be fetched at the moment: try again.");
  }
  if (error instanceof TokenProblem) return invalid(error.message);
  return invalid("it is not a well-formed JWT");
}
