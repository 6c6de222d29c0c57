import { createPublicKey } from "node:crypto";
import { WEBHOOK_EVENT_NAMES } from "@carillon/core";
import { isOriginPattern, ORIGIN_PATTERN_RULE } from "../auth/origin.ts";
import { isAddressRange } from "../net/address-ranges.ts";
import type { TextOptions } from "./setting.ts";
import { didYouMean } from "./suggestion.ts";

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const VISIBLE_ASCII = /^[\x21-\x7e]{1,512}$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the point of the rule is to refuse them
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/;
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45})$/;
const NATS_SERVER = /^(?:(?:nats|tls):\/\/)?(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(\d{1,5}))?$/;
const CHANNEL_PATTERN = /^[-a-zA-Z0-9_=@,.;*]{1,200}$/;
const CHANNEL_PREFIX = /^[-a-zA-Z0-9_=@,.;]{1,200}$/;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
const HEADER_VALUE = /^[\x20-\x7e]{0,2000}$/;
/** What the worker sets itself, and what is about the connection. */
const OWN_HEADER =
  /^(?:content-type|content-length|transfer-encoding|connection|host|expect|upgrade|te|trailer|x-pusher-.*)$/i;
const MIN_RSA_BITS = 2048;

/** A secret shorter than this can be guessed by trying; it works, with a warning. */
export const SHORT_SECRET_CHARACTERS = 16;

/** App ids and keys stand in URLs and in NATS subjects as they are. */
export const NAME_RULE: TextOptions = {
  bounds: "1 to 64 characters of A-Z a-z 0-9 _ -",
  check: (text) => (NAME.test(text) ? null : "must have 1 to 64 characters out of A-Z a-z 0-9 _ -"),
};

/** Anything that is there; blanks around it are nearly always a mistake of copying. */
export const SECRET_RULE: TextOptions = {
  bounds: "1 to 512 characters",
  hasFileTwin: true,
  check: (text) => {
    if (text === "") return "must not be empty";
    if (text.length > 512) return "must have at most 512 characters";
    if (text !== text.trim()) return "must not begin or end with blanks or line ends";
    return CONTROL_CHARACTER.test(text) ? "must not contain control characters" : null;
  },
};

/** Travels in an HTTP header, so it is limited to what fits there. */
export const PUBLISH_SECRET_RULE: TextOptions = {
  bounds: "1 to 512 visible ASCII characters",
  hasFileTwin: true,
  check: (text) => {
    if (text === "") return "must not be empty: remove the key to switch x-publish-secret off";
    return VISIBLE_ASCII.test(text) ? null : "must have 1 to 512 visible ASCII characters, without blanks";
  },
};

/** An entry of `allowedOrigins`. */
export const ORIGIN_RULE: TextOptions = {
  bounds: "`*`, `https://example.com`, `https://*.example.com`",
  check: (text) => (isOriginPattern(text) ? null : ORIGIN_PATTERN_RULE),
};

/** A pattern of channel names: those of the grammar, with `*` for any run of characters. */
export const CHANNEL_PATTERN_RULE: TextOptions = {
  bounds: "1 to 200 characters of A-Z a-z 0-9 _ - = @ , . ; *",
  check: (text) => {
    if (CHANNEL_PATTERN.test(text)) return null;
    return "must be a channel name of 1 to 200 characters out of A-Z a-z 0-9 _ - = @ , . ; with * for any run of characters";
  },
};

/** A claim that a token must carry. */
export const CLAIM_RULE: TextOptions = {
  bounds: "1 to 512 characters",
  check: (text) => (text !== "" && text.length <= 512 ? null : "must have 1 to 512 characters"),
};

/** A host name or an address to listen on. */
export const HOST_RULE: TextOptions = {
  bounds: "a host name or an IP address",
  check: (text) => (HOST.test(text) ? null : "must be a host name or an IP address, such as 0.0.0.0 or 127.0.0.1"),
};

/** An IP address, or a range of them. */
export const ADDRESS_RANGE_RULE: TextOptions = {
  bounds: "`10.0.0.0/8`, `fd00::/8` or an address",
  check: (text) => (isAddressRange(text) ? null : "must be an IP address, or a range such as 10.0.0.0/8 or fd00::/8"),
};

/** The path of a file; whether it can be read is found out where it is used. */
export const PATH_RULE: TextOptions = {
  bounds: "a path",
  check: (text) => (text !== "" && !CONTROL_CHARACTER.test(text) ? null : "must be the path of a file"),
};

/** A public key. A private one is refused: nobody should lay it beside a service that has no use for it. */
export const PUBLIC_KEY_RULE: TextOptions = {
  bounds: "PEM, RSA of 2048 bits or more, or EC P-256",
  hasFileTwin: true,
  check: (text) => {
    if (text.includes("PRIVATE KEY"))
      return "is a private key: give the public key, and keep the private one elsewhere";
    const key = readPublicKey(text);
    if (key === null) return "must be a public key in PEM (-----BEGIN PUBLIC KEY-----)";
    const details = key.asymmetricKeyDetails;
    if (key.asymmetricKeyType === "rsa") {
      return (details?.modulusLength ?? 0) >= MIN_RSA_BITS ? null : "must have at least 2048 bits";
    }
    const isP256 = key.asymmetricKeyType === "ec" && details?.namedCurve === "prime256v1";
    return isP256 ? null : "must be an RSA key (for RS256) or an EC key on P-256 (for ES256)";
  },
};

/** What is asked of a URL. */
interface UrlRule {
  /** What to write instead of something else. */
  readonly instead: string;
  /** Characters at most. */
  readonly maxLength: number;
  /** What to do with a user name or password, which a URL must not have. */
  readonly credentials: string;
  /** What is wrong with one that is fine otherwise; null: nothing. */
  readonly mistake?: (url: URL) => string | null;
}

function urlRule({ instead, maxLength, credentials, mistake }: UrlRule): TextOptions {
  return {
    bounds: "an http or https URL",
    check: (text) => {
      const url = URL.canParse(text) && text.length <= maxLength ? new URL(text) : null;
      if (url === null || !["http:", "https:"].includes(url.protocol)) return `must be ${instead}`;
      const found = mistake?.(url) ?? null;
      if (found !== null) return found;
      return url.username === "" && url.password === ""
        ? null
        : `must not contain a user name or password${credentials}`;
    },
  };
}

/** Where a JSON Web Key Set is. */
export const KEY_SET_URL_RULE: TextOptions = urlRule({
  instead: "a URL such as https://auth.example.com/.well-known/jwks.json",
  maxLength: Number.POSITIVE_INFINITY,
  credentials: "",
});

/** The address of a webhook endpoint. Whether it is public is looked at elsewhere, as another setting may allow it not to be. */
export const WEBHOOK_URL_RULE: TextOptions = urlRule({
  instead: "a URL such as https://example.com/webhooks",
  maxLength: 2000,
  credentials: ": use headers",
  mistake: ({ hash }) => (hash === "" ? null : "must not have a fragment (#…), which is never sent"),
});

/** Where a collector of traces is. */
export const COLLECTOR_URL_RULE: TextOptions = urlRule({
  instead: "the URL of a collector that takes OTLP over HTTP, such as http://otel-collector:4318",
  maxLength: 2000,
  credentials: ": use headers",
  mistake: ({ hash, search }) =>
    hash === "" && search === "" ? null : "must end with its path: neither a query (?…) nor a fragment (#…)",
});

/** What a webhook endpoint is told of. */
export const WEBHOOK_EVENT_RULE: TextOptions = {
  bounds: `\`*\`, ${WEBHOOK_EVENT_NAMES.map((name) => `\`${name}\``).join(", ")}`,
  check: (text) => {
    if (text === "*" || WEBHOOK_EVENT_NAMES.some((name) => name === text)) return null;
    return `must be * or one of ${WEBHOOK_EVENT_NAMES.join(", ")}.${didYouMean(text, [...WEBHOOK_EVENT_NAMES])}`;
  },
};

/** How names of channels begin. */
export const CHANNEL_PREFIX_RULE: TextOptions = {
  bounds: "1 to 200 characters of A-Z a-z 0-9 _ - = @ , . ;",
  check: (text) =>
    CHANNEL_PREFIX.test(text) ? null : "must have 1 to 200 characters out of A-Z a-z 0-9 _ - = @ , . ; (no pattern)",
};

/** The value of a request header. */
export const HEADER_RULE: TextOptions = {
  bounds: "header name and value",
  hasFileTwin: true,
  check: (text) => (HEADER_VALUE.test(text) ? null : "must have at most 2000 printable ASCII characters"),
};

/** What is wrong with the name of a request header; null when nothing is. */
export function checkHeaderName(name: string): string | null {
  if (!HEADER_NAME.test(name)) return "must be the name of an HTTP header";
  return OWN_HEADER.test(name) ? "is set by Carillon" : null;
}

/** A NATS server. Credentials in the URL would end up in logs, so they have keys of their own. */
export const NATS_SERVER_RULE: TextOptions = {
  bounds: "`nats://host:4222`, `tls://host:4222` or `host:4222`",
  check: (text) => {
    if (text.includes("@")) return "must not contain credentials: put them under nats.credentials";
    const match = NATS_SERVER.exec(text);
    const isFine = match !== null && Number(match[1] ?? 4222) >= 1 && Number(match[1] ?? 4222) <= 65_535;
    return isFine ? null : "must be a server such as nats://127.0.0.1:4222, or tls://nats.example.com:4222";
  },
};

function readPublicKey(pem: string) {
  try {
    return createPublicKey(pem);
  } catch {
    // Not a key; the cause may repeat parts of the text, so it is dropped.
    return null;
  }
}
