import { hash } from "node:crypto";
import type { App, AppRegistry, Clock, TraceContext } from "@carillon/core";
import { accept, type Refusal, type Result, refuse } from "@carillon/protocol";
import type { HttpRequest } from "@carillon/service";
import { traceOf } from "../trace-headers.ts";
import { type Parameters, verifySignature } from "./signature.ts";

/** A call whose signature is right. */
export interface PusherCall {
  readonly app: App;
  /** The query's parameters by name, those about the signature among them. */
  readonly parameters: Parameters;
  /** What the path has for each `:name` of its route behind the app's id, decoded. */
  readonly names: readonly string[];
  /** Empty on a GET. */
  readonly body: Uint8Array;
  /** Undefined: the call is part of no trace, or nobody asks. */
  readonly trace: TraceContext | undefined;
}

/** What PusherCalls stand on. */
export interface PusherCallsOptions {
  readonly apps: AppRegistry;
  readonly clock: Clock;
  /** Longest request body, in bytes. */
  readonly maxBodyBytes: number;
  /** True: calls may be parts of traces. */
  readonly isTraced: boolean;
}

/** Headers that the API reads. */
export const PUSHER_HEADERS: readonly string[] = ["content-length"];

/** What the paths begin with that have an app's id. */
const APP_PATH = "/apps/:id/";

const NO_BODY = new Uint8Array();

/** Takes calls in: finds the app, checks the signature before the body is read, and then that the body is the signed one. */
export class PusherCalls {
  readonly #options: PusherCallsOptions;

  constructor(options: PusherCallsOptions) {
    this.#options = options;
  }

  /** `route`: the pattern that the path fits. */
  async take(request: HttpRequest, route: string): Promise<Result<PusherCall>> {
    const parts = namesIn(request.path, route);
    const app = this.#appOf(request, route, parts[0] ?? "");
    if (app === null) {
      return refuse("not_found", "no app has the id that the path has: check the app id, and the cluster");
    }
    const names = route.startsWith(APP_PATH) ? parts.slice(1) : parts;
    const { key, secrets, enabled } = app.settings;
    const nowSeconds = this.#options.clock.now() / 1000;
    const verified = verifySignature(request, { key, secrets, nowSeconds });
    if (!verified.ok) return verified;
    if (!enabled) return refuse("app_disabled", "the app is switched off in the configuration");
    const body = request.method === "POST" ? await this.#read(request) : accept(NO_BODY);
    if (!body.ok) return body;
    const refusal = checkDigest(verified.value.get("body_md5") ?? "", body.value);
    if (refusal !== null) return refusal;
    const trace = this.#options.isTraced ? traceOf(request) : undefined;
    return accept({ app, parameters: verified.value, names, body: body.value, trace });
  }

  /** One SDK leaves the app out of one path; there the key has to say which app it is. */
  #appOf({ query }: HttpRequest, route: string, id: string): App | null {
    const { apps } = this.#options;
    return route.startsWith(APP_PATH) ? apps.byId(id) : apps.byKey(new URLSearchParams(query).get("auth_key") ?? "");
  }

  async #read(request: HttpRequest): Promise<Result<Uint8Array>> {
    const { maxBodyBytes } = this.#options;
    const body = await request.body(maxBodyBytes);
    if (body.kind === "complete") return accept(body.bytes);
    // Nobody hears the first one.
    if (body.kind === "aborted") return refuse("request_timeout", "the body did not arrive");
    // Absent where it comes in chunks.
    const length = request.header("content-length");
    const found = length === "" ? "the body is too large" : `the body has ${length} bytes`;
    const limit = `the limit is ${maxBodyBytes} bytes (publisher.maxBodyBytes)`;
    return refuse("message_too_large", `${found}, ${limit}: publish less, or split the batch`);
  }
}

/** The signature covers the body by its MD5 alone, so without that nothing would. */
function checkDigest(digest: string, body: Uint8Array): Refusal | null {
  if (digest === "") {
    if (body.length === 0) return null;
    return refuse("unauthorized", "body_md5 is missing in the query: a call with a body is signed with its MD5");
  }
  if (digest === hash("md5", body, "hex")) return null;
  return refuse("unauthorized", "body_md5 is not the MD5, in lower-case hexadecimal, of the body as it came");
}

/** What a path has where its route has parameters. A part that is not percent-encoded UTF-8 stays as it is: it names nothing. */
function namesIn(path: string, route: string): readonly string[] {
  const segments = path.split("/");
  return route.split("/").flatMap((part, index) => (part.startsWith(":") ? [decode(segments[index] ?? "")] : []));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // As above.
    return text;
  }
}
