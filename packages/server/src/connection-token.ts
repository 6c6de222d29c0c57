import {
  CAPABILITY_VERBS,
  type Capabilities,
  MAX_CAPABILITY_PATTERNS,
  MAX_TOKEN_LENGTH,
  MAX_USER_ID_LENGTH,
  parseCapabilities,
} from "@carillon/protocol";
import { checkInfo } from "./channel-token.ts";
import { checkUserId, invalid, shown } from "./ids.ts";
import { signJwt } from "./jwt.ts";
import type { Settings } from "./options.ts";

/** What a connection token says. */
export interface ConnectionTokenOptions {
  /** Whose connection it is (`sub`): a user id of 1 to 128 characters; absent: nobody's. */
  readonly userId?: string | undefined;
  /**
   * What may be done on which channels; `*` in a pattern stands for any run of characters. Absent: nothing but what is
   * public.
   */
  readonly capabilities?: Capabilities | undefined;
  /** What presence channels tell about the user (`info`), at most 1,024 bytes as JSON. */
  readonly info?: unknown;
  /** Which token it is (`jti`), 1 to 128 characters, so that it can be blocked by itself. */
  readonly tokenId?: string | undefined;
  /** Seconds until it ends, 1 to 86,400; default 3,600. Clients get a new one before that, so short is no harm. */
  readonly expiresInSeconds?: number | undefined;
  /** `iss` and `aud`, where the app asks for them (`apps[].token`). */
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
}

const DEFAULT_SECONDS = 3600;
const MAX_SECONDS = 86_400;
const PATTERN = /^[-a-zA-Z0-9_=@,.;*]{1,200}$/;

/** Makes a connection token (JWT, HS256). Throws a {@link CarillonError} for whatever the gateway would refuse. */
export function mintConnectionToken({ secret }: Settings, options: ConnectionTokenOptions): string {
  const { userId, capabilities = {}, info, tokenId, expiresInSeconds = DEFAULT_SECONDS, issuer, audience } = options;
  if (userId !== undefined) checkUserId("userId", userId);
  if (tokenId !== undefined) checkTokenId(tokenId);
  checkCapabilities(capabilities);
  checkInfo("info", info);
  if (!Number.isInteger(expiresInSeconds) || expiresInSeconds < 1 || expiresInSeconds > MAX_SECONDS) {
    invalid(`"expiresInSeconds" must be a whole number from 1 to ${MAX_SECONDS}, a day`);
  }
  const now = Math.floor(Date.now() / 1000);
  const token = signJwt(
    secret,
    { typ: "JWT" },
    {
      sub: userId,
      jti: tokenId,
      iss: issuer,
      aud: audience,
      iat: now,
      exp: now + expiresInSeconds,
      info,
      cap: capabilities,
    },
  );
  if (token.length <= MAX_TOKEN_LENGTH) return token;
  return invalid(
    `the token has ${token.length} characters, ${MAX_TOKEN_LENGTH} are allowed: name fewer channels, or patterns of them`,
  );
}

function checkTokenId(id: unknown): void {
  if (typeof id === "string" && id !== "" && id.length <= MAX_USER_ID_LENGTH) return;
  invalid(`"tokenId" is ${shown(id)}: it must be a text of 1 to ${MAX_USER_ID_LENGTH} characters`);
}

function checkCapabilities(capabilities: Capabilities): void {
  if (parseCapabilities(capabilities) === null) {
    const verbs = CAPABILITY_VERBS.join(", ");
    invalid(
      `"capabilities" must map at most ${MAX_CAPABILITY_PATTERNS} patterns to lists of ${verbs}: { "orders-*": ["subscribe"] }`,
    );
  }
  const wrong = Object.keys(capabilities).find((pattern) => !PATTERN.test(pattern));
  if (wrong !== undefined) invalid(`"capabilities" has the pattern ${shown(wrong)}, which no channel name fits`);
}
