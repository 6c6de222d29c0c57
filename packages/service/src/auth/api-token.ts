import type { App } from "@carillon/core";
import { API_TOKEN_TYPE } from "@carillon/protocol";
import { SignJWT } from "jose";

/** Makes an API token (docs/http-api.md) with the app's newest secret, that is valid for `ttlSeconds`. */
export function mintApiToken(app: App, { ttlSeconds }: { readonly ttlSeconds: number }): Promise<string> {
  const [secret] = app.settings.secrets;
  if (secret === undefined) throw new RangeError("the app has no secret");
  return new SignJWT({})
    .setProtectedHeader({ alg: "HS256", typ: API_TOKEN_TYPE, kid: app.settings.key })
    .setIssuer(app.settings.id)
    .setExpirationTime(`${ttlSeconds}s`)
    .sign(new TextEncoder().encode(secret));
}
