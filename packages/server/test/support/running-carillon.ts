import { NativeClient } from "@carillon/testkit";
import { type RunningCarillon as Running, startCarillon } from "carillon";
import { CarillonServer, type CarillonServerOptions } from "../../src/index.ts";

/** The app of the tests. It has no publish secret: app id, key and secret have to be enough for everything. */
export const APP = { id: "1001", key: "app-key", secret: "a-secret-of-the-tests" } as const;

/** What a test may add to the configuration. */
export interface RunOptions {
  readonly app?: object;
  readonly settings?: object;
}

/** A whole Carillon in this process: gateway, publisher, webhook worker and memory in place of NATS. Ends with `await using`. */
export class RunningCarillon implements AsyncDisposable {
  readonly url: string;
  readonly webSocketUrl: string;
  readonly #running: Running;

  private constructor(running: Running) {
    this.#running = running;
    this.url = running.url;
    this.webSocketUrl = running.webSocketUrl;
  }

  static async start({ app = {}, settings = {} }: RunOptions = {}): Promise<RunningCarillon> {
    const config = {
      apps: [{ id: APP.id, key: APP.key, secrets: [APP.secret], ...app }],
      channels: [{ match: "kept-*", history: { messages: 1000, maxAge: "1h" } }],
      gateway: { drain: { spreadSeconds: 0 } },
      ...settings,
    };
    return new RunningCarillon(await startCarillon({ host: "127.0.0.1", port: 0, settings: config }));
  }

  /** What an application makes, with app id, key, secret and host alone unless a test says more. */
  server(more: Partial<CarillonServerOptions> = {}): CarillonServer {
    return new CarillonServer({ appId: APP.id, key: APP.key, secret: APP.secret, host: this.url, ...more });
  }

  /** A client that has its welcome; with a connection token where one is given. */
  client(token = ""): Promise<NativeClient> {
    return NativeClient.open(`${this.webSocketUrl}${token === "" ? "" : `?token=${token}`}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.close();
  }
}

/** The error that a call rejects with or throws; fails the test when it does neither. */
export async function errorOf(act: () => unknown): Promise<unknown> {
  try {
    await act();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was refused");
}
