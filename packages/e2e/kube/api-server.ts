import type { ClientRequest, IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import type { KubeObject } from "./kube-objects.ts";
import { ADDRESSES } from "./sandbox.ts";

/** Where the API is, and as whom to talk to it. */
export interface ApiServerOptions {
  readonly certificateAuthority: string;
  readonly token: string;
}

/** How a PATCH is to be understood. */
export type PatchType =
  | "application/merge-patch+json"
  | "application/strategic-merge-patch+json"
  | "application/apply-patch+yaml";

/** Told of a collection: everything there is, whenever it is read anew, and each change after that. */
export interface Watcher<T> {
  readonly onList: (items: readonly T[]) => void;
  readonly onChange: (type: "ADDED" | "MODIFIED" | "DELETED", object: T) => void;
}

/** The API server didn't do what it was asked for. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

const RETRY_MS = 300;

/** Talks JSON with the API server. */
export class ApiServer implements AsyncDisposable {
  readonly #options: ApiServerOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 });
  readonly #watches = new Set<ClientRequest>();
  #isClosed = false;

  constructor(options: ApiServerOptions) {
    this.#options = options;
  }

  get<T>(path: string): Promise<T> {
    return this.#call<T>("GET", path);
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.#call<T>("POST", path, body);
  }

  patch<T>(path: string, body: unknown, type: PatchType = "application/merge-patch+json"): Promise<T> {
    return this.#call<T>("PATCH", path, body, type);
  }

  delete(path: string, body?: unknown): Promise<unknown> {
    return this.#call("DELETE", path, body);
  }

  /** Tells of a collection until this is disposed. A watch that ends is begun anew with a list. */
  watch<T extends KubeObject>(path: string, watcher: Watcher<T>): void {
    void this.#watch(path, watcher);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const each of this.#watches) each.destroy();
    this.#agent.destroy();
  }

  async #watch<T extends KubeObject>(path: string, watcher: Watcher<T>): Promise<void> {
    while (!this.#isClosed) {
      try {
        const list = await this.get<{ items?: T[]; metadata: { resourceVersion: string } }>(path);
        watcher.onList(list.items ?? []);
        await this.#follow(`${path}?watch=1&resourceVersion=${list.metadata.resourceVersion}`, watcher);
      } catch {
        // The API server is starting, or ending: another try follows, with a list.
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  #follow<T>(path: string, watcher: Watcher<T>): Promise<void> {
    return new Promise((resolve, reject) => {
      const call = this.#open("GET", path, {}, (answer) => {
        let rest = "";
        answer.setEncoding("utf8");
        answer.on("data", (text: string) => {
          const lines = (rest + text).split("\n");
          rest = lines.pop() ?? "";
          for (const line of lines) {
            const { type, object } = JSON.parse(line) as {
              type: "ADDED" | "MODIFIED" | "DELETED" | "ERROR";
              object: T;
            };
            if (type === "ERROR") answer.destroy();
            else watcher.onChange(type, object);
          }
        });
        answer.on("close", resolve);
      });
      this.#watches.add(call);
      call.on("close", () => this.#watches.delete(call));
      call.on("error", reject);
      call.end();
    });
  }

  #call<T>(method: string, path: string, body?: unknown, type = "application/json"): Promise<T> {
    const payload = body === undefined ? null : Buffer.from(JSON.stringify(body));
    // Without its length, the body of a DELETE would be taken for the next call on the connection.
    const headers = payload === null ? {} : { "content-type": type, "content-length": payload.length };
    return new Promise((resolve, reject) => {
      const call = this.#open(method, path, headers, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (part: string) => {
          text += part;
        });
        answer.on("error", reject);
        answer.on("end", () => {
          const status = answer.statusCode ?? 0;
          if (status < 300) resolve(JSON.parse(text) as T);
          else reject(new ApiError(status, `${method} ${path} was answered ${status}: ${messageOf(text)}`));
        });
      });
      call.on("error", reject);
      call.end(payload ?? undefined);
    });
  }

  #open(
    method: string,
    path: string,
    headers: Readonly<Record<string, string | number>>,
    onAnswer: (answer: IncomingMessage) => void,
  ): ClientRequest {
    const { certificateAuthority, token } = this.#options;
    const isWatch = path.includes("watch=1");
    return request(
      {
        host: ADDRESSES.apiServer,
        port: ADDRESSES.apiPort,
        path,
        method,
        ca: certificateAuthority,
        headers: { authorization: `Bearer ${token}`, ...headers },
        ...(isWatch ? { agent: false as const } : { agent: this.#agent }),
      },
      onAnswer,
    );
  }
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    // Not every failure is JSON: then the text itself says what is wrong.
    return text;
  }
}
