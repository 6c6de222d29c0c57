import type { ChannelSchemas } from "@carillon/protocol";

/** How calls are made: the platform's `fetch`, or one like it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What a CarillonServer is made with. */
export interface CarillonServerOptions {
  /** The app's `id` in Carillon's configuration. */
  readonly appId: string;
  /** The app's `key`, which clients connect with. */
  readonly key: string;
  /** One of the app's `secrets`; with several, the newest. It signs tokens and calls, and never leaves this process. */
  readonly secret: string;
  /** Origin of the publish API: `http://127.0.0.1:8080` of `carillon dev`, `http://…:8081` of a publisher. */
  readonly host: string;
  /** The app's `publishSecret`, to show that instead of what `secret` signs. Not needed. */
  readonly publishSecret?: string | undefined;
  /** How long a call may take with all of its repeats, in ms, 1 to 600,000; default 20,000. */
  readonly timeoutMs?: number | undefined;
  /** How often a call that is safe to repeat is repeated at most, 0 to 10; default 3. */
  readonly maxRetries?: number | undefined;
  /** In place of the platform's `fetch`. */
  readonly fetch?: Fetch | undefined;
  /** Schemas of channels and events, which each payload is checked with before it is sent. */
  readonly schemas?: ChannelSchemas | undefined;
}

/** Options, checked. */
export interface Settings {
  readonly appId: string;
  readonly key: string;
  readonly secret: string;
  /** Without a slash at the end. */
  readonly origin: string;
  readonly publishSecret: string | null;
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly fetch: Fetch;
}

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const MAX_TIMEOUT_MS = 600_000;
const DEFAULT_TIMEOUT_MS = 20_000;
const MAX_RETRIES = 10;
const DEFAULT_RETRIES = 3;

/** Checks what a CarillonServer is made with. Throws a TypeError that says what to do, and never repeats a secret. */
export function checkOptions(options: CarillonServerOptions): Settings {
  if (typeof options !== "object" || options === null) wrong("needs options: { appId, key, secret, host }");
  const { fetch = platformFetch, timeoutMs = DEFAULT_TIMEOUT_MS, maxRetries = DEFAULT_RETRIES } = options;
  if (typeof fetch !== "function") wrong('"fetch" must be a function like the platform\'s fetch');
  return {
    appId: checkName("appId", options.appId),
    key: checkName("key", options.key),
    secret: checkSecret("secret", options.secret),
    origin: checkHost(options.host),
    publishSecret: options.publishSecret === undefined ? null : checkSecret("publishSecret", options.publishSecret),
    timeoutMs: checkWhole("timeoutMs", timeoutMs, { min: 1, max: MAX_TIMEOUT_MS }),
    maxRetries: checkWhole("maxRetries", maxRetries, { min: 0, max: MAX_RETRIES }),
    fetch,
  };
}

// Looked up at each call, since frameworks put their own in place later; and called on its own, since some platforms want that.
const platformFetch: Fetch = (url, init) => globalThis.fetch(url, init);

function checkText(name: string, value: unknown): string {
  if (value === undefined || value === "") {
    wrong(`"${name}" is missing: if it comes from an environment variable, check that this is set where the code runs`);
  }
  if (typeof value !== "string") wrong(`"${name}" must be a string, not a ${typeof value}`);
  return value;
}

function checkName(name: "appId" | "key", value: unknown): string {
  const text = checkText(name, value);
  if (NAME.test(text)) return text;
  return wrong(`"${name}" must have 1 to 64 characters out of A-Z a-z 0-9 _ -, as in Carillon's configuration`);
}

/** Checks a secret. Throws a TypeError that doesn't repeat it. */
export function checkSecret(name: string, value: unknown): string {
  const text = checkText(name, value);
  if (text.length > 512) wrong(`"${name}" must have at most 512 characters`);
  if (text !== text.trim()) wrong(`"${name}" begins or ends with blanks or line ends: remove them`);
  return text;
}

function checkHost(value: unknown): string {
  const text = checkText("host", value);
  const example = "an origin such as https://publish.example.com or http://127.0.0.1:8081";
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return wrong(`"host" must be ${example}`);
  }
  if (url.protocol === "ws:" || url.protocol === "wss:") {
    wrong(`"host" is that of a gateway, which clients connect to: give the publish API's, ${example}`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    wrong(`"host" must begin with https:// or http://: ${example}`);
  }
  if (url.username !== "" || url.password !== "") wrong('"host" must not have a user or a password in it');
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    wrong(`"host" must have no path and no query: ${example}`);
  }
  return url.origin;
}

function checkWhole(
  name: string,
  value: unknown,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
  return wrong(`"${name}" must be a whole number from ${min} to ${max}`);
}

/** Throws a TypeError. */
export function wrong(problem: string): never {
  throw new TypeError(`CarillonServer: ${problem}`);
}
