import type { CallOptions } from "./http-transport.ts";
import { checkUserId, invalid } from "./ids.ts";
import type { NativeApi } from "./native-api.ts";

/** The connections of a user. */
export interface UserConnections {
  readonly userId: string;
  readonly connectionIds: readonly string[];
  /** False when a gateway did not answer in time: some may be missing. */
  readonly isComplete: boolean;
}

/** Whose connections: a user's, those that have shown a connection token (its `tokenId`, never the token), or one. */
export type ConnectionTarget = { readonly user: string } | { readonly token: string } | { readonly connection: string };

/** What became of a disconnect. */
export interface Disconnected {
  /** How many connections were ended. */
  readonly disconnected: number;
  /** False when a gateway did not answer in time: it may not have ended its own. */
  readonly isComplete: boolean;
}

/** What is asked about connections, and done to them. */
export class Connections {
  readonly #api: NativeApi;

  constructor(api: NativeApi) {
    this.#api = api;
  }

  /** How many the app has on all gateways. */
  async count(options: CallOptions = {}): Promise<number> {
    return (await this.#api.call({ method: "GET", path: "/connections", options })).number("count");
  }

  /** Those of a user, by connection token (`userId`) or by presence channel. */
  async ofUser(userId: string, options: CallOptions = {}): Promise<UserConnections> {
    const query = { user: checkUserId("userId", userId) };
    const answer = await this.#api.call({ method: "GET", path: "/connections", query, options });
    return { userId, connectionIds: answer.texts("connections"), isComplete: answer.boolean("complete") };
  }

  /**
   * Ends connections, wherever they are, with close code 4013. Nothing keeps them from coming back: a block does. Made
   * again after an answer that got lost, it counts only those that were there still.
   */
  async disconnect(target: ConnectionTarget, options: CallOptions = {}): Promise<Disconnected> {
    const body = { ...target };
    if (Object.keys(body).length !== 1) invalid("name one of these: { user }, { token } or { connection }");
    const answer = await this.#api.call({ method: "POST", path: "/connections/disconnect", body, options });
    return { disconnected: answer.number("disconnected"), isComplete: answer.boolean("complete") };
  }
}
