/**
 * Which web pages may connect. A browser sends the page's origin and a page cannot forge it; other clients send none or
 * whatever they like, so this guards users of browsers and is no proof of anything else.
 */

const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: "80", https: "443" };

/** Scheme, host (a name, `*.` and a name, or an IPv6 address in brackets) and port of an origin, in lower case. */
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?([a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/;

/** What an entry of `allowedOrigins` must look like, as a sentence. */
export const ORIGIN_PATTERN_RULE =
  "must be *, an origin such as https://example.com or http://localhost:3000 (no path, no slash at the end), or https://*.example.com for every sub-domain";

interface Matcher {
  readonly isAny: boolean;
  readonly exact: ReadonlySet<string>;
  /** `https://` and `.example.com:8443` of `https://*.example.com:8443`. */
  readonly wildcards: readonly { readonly prefix: string; readonly suffix: string }[];
}

const matchers = new WeakMap<readonly string[], Matcher>();

/** True when `pattern` may stand in `allowedOrigins`. */
export function isOriginPattern(pattern: string): boolean {
  return pattern === "*" || normalizeOrigin(pattern) !== null;
}

/**
 * True when a page of `origin` may connect. `*` allows every origin, also `null` (sandboxed frames, files). Host and scheme
 * are compared without case, a scheme's default port equals no port, and `*.` stands for one or more labels: it doesn't
 * match the bare domain. `origin` is the header as it came; "" (no header: not a browser) is allowed.
 *
 * `patterns` must not change once it was passed: it is remembered by identity.
 */
export function isOriginAllowed(patterns: readonly string[], origin: string): boolean {
  if (origin === "") return true;
  let matcher = matchers.get(patterns);
  if (matcher === undefined) {
    matcher = compile(patterns);
    matchers.set(patterns, matcher);
  }
  if (matcher.isAny) return true;
  const normalized = normalizeOrigin(origin);
  if (normalized === null || normalized.includes("*")) return false;
  if (matcher.exact.has(normalized)) return true;
  return matcher.wildcards.some(({ prefix, suffix }) => matchesWildcard(normalized, prefix, suffix));
}

/** Both origins are well-formed, so what is left between prefix and suffix is whole labels. */
function matchesWildcard(origin: string, prefix: string, suffix: string): boolean {
  return origin.length > prefix.length + suffix.length && origin.startsWith(prefix) && origin.endsWith(suffix);
}

function compile(patterns: readonly string[]): Matcher {
  const exact = new Set<string>();
  const wildcards: { prefix: string; suffix: string }[] = [];
  for (const pattern of patterns) {
    const normalized = normalizeOrigin(pattern);
    if (normalized === null) continue;
    const star = normalized.indexOf("*");
    if (star === -1) exact.add(normalized);
    else wildcards.push({ prefix: normalized.slice(0, star), suffix: normalized.slice(star + 1) });
  }
  return { isAny: patterns.includes("*"), exact, wildcards };
}

/** The origin in lower case without a default port; null when it is no origin. */
function normalizeOrigin(text: string): string | null {
  // A host name has at most 253 characters; anything much longer is no origin.
  if (text.length > 512) return null;
  const match = ORIGIN.exec(text.toLowerCase());
  if (match === null) return null;
  const [, scheme = "", wildcard = "", host = "", port] = match;
  if (wildcard !== "" && host.startsWith("[")) return null;
  const isDefaultPort = port === undefined || port === DEFAULT_PORTS[scheme];
  return `${scheme}://${wildcard}${host}${isDefaultPort ? "" : `:${port}`}`;
}
