/** Signatures without a wait: WebCrypto's are promises, and whoever lets a client onto a channel does not await. */
import { hmac } from "@noble/hashes/hmac.js";
import { md5 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

const encoder = new TextEncoder();

/** The bytes of a text in UTF-8. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** HMAC-SHA256 of a text or of bytes. */
export function hmacSha256(secret: string, data: string | Uint8Array): Uint8Array {
  return hmac(sha256, utf8(secret), typeof data === "string" ? utf8(data) : data);
}

/** The same in lower-case hexadecimal. */
export function hmacSha256Hex(secret: string, data: string | Uint8Array): string {
  return bytesToHex(hmacSha256(secret, data));
}

/** MD5 in lower-case hexadecimal, which Pusher's signatures cover bodies by. */
export function md5Hex(text: string): string {
  return bytesToHex(md5(utf8(text)));
}

/** True when both texts are the same. How long it takes depends on their lengths alone, not on where they differ. */
export function isEqual(left: string, right: string): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let index = 0; index < left.length; index++) difference |= left.charCodeAt(index) ^ right.charCodeAt(index);
  return difference === 0;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Base64url without padding, as JWTs have it. */
export function base64url(bytes: Uint8Array): string {
  let text = "";
  for (let index = 0; index < bytes.length; index += 3) {
    const [first = 0, second = 0, third = 0] = bytes.subarray(index, index + 3);
    const bits = (first << 16) | (second << 8) | third;
    const characters = Math.min(bytes.length - index, 3) + 1;
    for (let shift = 18; shift > 18 - 6 * characters; shift -= 6) text += ALPHABET[(bits >> shift) & 63];
  }
  return text;
}
