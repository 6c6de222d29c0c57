import type { HttpRequest } from "@carillon/service";

const BEARER = /^bearer +(\S+) *$/i;

/** Headers in which a caller may show a publish secret. */
export const CREDENTIAL_HEADERS = ["x-publish-secret", "authorization"] as const;

/**
 * The publish secret that a caller shows, in `x-publish-secret` or as `Authorization: Bearer`; "" for none. The first one
 * counts when both are there.
 */
export function shownSecret(request: HttpRequest): string {
  const secret = request.header("x-publish-secret");
  if (secret !== "") return secret;
  const authorization = request.header("authorization");
  return authorization === "" ? "" : (BEARER.exec(authorization)?.[1] ?? "");
}
