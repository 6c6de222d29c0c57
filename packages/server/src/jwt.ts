import { base64url, hmacSha256, utf8 } from "./hashes.ts";

/** A JWT, signed with HS256. Members that are undefined are left out. */
export function signJwt(secret: string, header: Readonly<Record<string, unknown>>, claims: object): string {
  const signed = `${encode({ alg: "HS256", ...header })}.${encode(claims)}`;
  return `${signed}.${base64url(hmacSha256(secret, signed))}`;
}

function encode(value: object): string {
  return base64url(utf8(JSON.stringify(value)));
}
