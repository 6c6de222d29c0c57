import { createHmac, timingSafeEqual } from "node:crypto";
import type { App, AppRegistry } from "@carillon/core";
import { API_TOKEN_TYPE, MAX_API_TOKEN_SECONDS } from "@carillon/protocol";

/** What a check of an API token goes by. */
export interface ApiTokenRules {
  readonly apps: AppRegistry;
  readonly nowSeconds: number;
}

/** `mistimed`: signed by a secret of the app, but over, or good for longer than a token may be. */
export type ApiTokenVerdict =
  | { readonly verdict: "valid"; readonly app: App }
  | { readonly verdict: "mistimed" }
  | { readonly verdict: "invalid" };

const INVALID: ApiTokenVerdict = Object.freeze({ verdict: "invalid" });
const MISTIMED: ApiTokenVerdict = Object.freeze({ verdict: "mistimed" });
/** A real one has about 250. */
const MAX_CHARACTERS = 1024;
const TOKEN = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/;

/** Checks a text that may be an API token ({@link API_TOKEN_TYPE}). Every secret in force may have signed it. */
export function checkApiToken(text: string, { apps, nowSeconds }: ApiTokenRules): ApiTokenVerdict {
  const [, head, body, signature] = text.length > MAX_CHARACTERS ? [] : (TOKEN.exec(text) ?? []);
  if (head === undefined || body === undefined || signature === undefined) return INVALID;
  const { alg, typ, kid } = decode(head);
  if (alg !== "HS256" || typ !== API_TOKEN_TYPE || typeof kid !== "string") return INVALID;
  const app = apps.byKey(kid);
  if (app === null || !isSigned(app, `${head}.${body}`, signature)) return INVALID;
  const { iss, exp } = decode(body);
  if (iss !== app.id || typeof exp !== "number") return INVALID;
  const isInTime = exp > nowSeconds && exp <= nowSeconds + MAX_API_TOKEN_SECONDS;
  return isInTime ? { verdict: "valid", app } : MISTIMED;
}

function isSigned(app: App, signed: string, signature: string): boolean {
  // As bytes: the last character of base64url has bits that stand for nothing.
  const given = Buffer.from(signature, "base64url");
  let isRight = false;
  for (const secret of app.settings.secrets) {
    const expected = createHmac("sha256", secret).update(signed).digest();
    isRight = timingSafeEqual(expected, given) || isRight;
  }
  return isRight;
}

/** The object that a part of a token holds; an empty one when it holds none. */
function decode(part: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // Not JSON, so it says nothing.
    return {};
  }
}
