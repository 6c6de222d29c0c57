import type { App } from "@carillon/core";
import { API_TOKEN_TYPE } from "@carillon/protocol";
import { SignJWT } from "jose";

/** How long a new API token is good for. */
export interface ApiTokenTerms {
  /** Seconds from now to the end; publishers take no more than `MAX_API_TOKEN_SECONDS`. */
  readonly ttlSeconds: number;
}

/** Makes an API token with the app's newest secret: whoever shows it may do what a server of the app may. */
export function mintApiToken(app: App, { ttlSeconds }: ApiTokenTerms): Promise<string> {
  const [secret] = app.settings.secrets;
  if (secret === undefined) throw new RangeError("the app has no secret");
  return new SignJWT()
    .setProtectedHeader({ alg: "HS256", typ: API_TOKEN_TYPE, kid: app.settings.key })
    .setIssuer(app.id)
    .setExpirationTime(Math.floor(Date.now() / 1000) + ttlSeconds)
    .sign(new TextEncoder().encode(secret));
}
