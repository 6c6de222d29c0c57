import { createHash, createHmac } from "node:crypto";

/** Who calls, and what differs from a call that is right. */
export interface PusherCallerOptions {
  readonly url: string;
  readonly appId?: string;
  /** What paths begin with; default: `/apps/` and the app's id. */
  readonly path?: string;
  readonly key?: string;
  readonly secret?: string;
  /** Seconds that the caller's clock is ahead. */
  readonly aheadSeconds?: number;
}

/** An answer, read. */
export interface PusherAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** Signs and makes calls to Pusher's HTTP API, as an SDK does. By default for the app `shop`. */
export class PusherCaller {
  readonly #options: Required<Omit<PusherCallerOptions, "appId">>;

  constructor(options: PusherCallerOptions) {
    // The url by its name, as it may be a getter.
    const { appId = "shop" } = options;
    const path = `/apps/${appId}`;
    this.#options = {
      path,
      key: "key-of-shop",
      secret: "secret-of-shop",
      aheadSeconds: 0,
      ...options,
      url: options.url,
    };
  }

  get(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<PusherAnswer> {
    return this.#call("GET", path, { parameters });
  }

  /** `body` is sent as JSON unless it is text or bytes. */
  post(path: string, body: unknown, parameters: Readonly<Record<string, string>> = {}): Promise<PusherAnswer> {
    const isReady = typeof body === "string" || body instanceof Uint8Array;
    const sent = Buffer.from(isReady ? body : JSON.stringify(body));
    return this.#call("POST", path, { parameters: { ...parameters, body_md5: md5(sent) }, body: sent });
  }

  /** Publishes one event. */
  trigger(body: unknown): Promise<PusherAnswer> {
    return this.post("/events", body);
  }

  /** The path and query of a call, signed. */
  sign(method: string, path: string, parameters: Readonly<Record<string, string>>): string {
    const { path: base, key, secret, aheadSeconds } = this.#options;
    const whole = base + path;
    const timestamp = String(Math.round(Date.now() / 1000) + aheadSeconds);
    const query = { ...parameters, auth_key: key, auth_timestamp: timestamp, auth_version: "1.0" };
    const pairs = Object.entries(query).sort(([left], [right]) => (left < right ? -1 : 1));
    const text = `${method}\n${whole}\n${pairs.map(([name, value]) => `${name}=${value}`).join("&")}`;
    const signature = createHmac("sha256", secret).update(text).digest("hex");
    return `${whole}?${new URLSearchParams({ auth_signature: signature, ...query })}`;
  }

  async #call(
    method: string,
    path: string,
    {
      parameters,
      body,
    }: { readonly parameters: Readonly<Record<string, string>>; readonly body?: Buffer<ArrayBuffer> },
  ): Promise<PusherAnswer> {
    const response = await fetch(this.#options.url + this.sign(method, path, parameters), {
      method,
      headers: { "content-type": "application/json" },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: JSON.parse(text) as Record<string, unknown> };
  }
}

function md5(body: Uint8Array): string {
  return createHash("md5").update(body).digest("hex");
}
