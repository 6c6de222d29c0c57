import type { Answer } from "./answer.ts";
import type { Disconnected } from "./connections.ts";
import type { CallOptions } from "./http-transport.ts";
import { invalid } from "./ids.ts";
import type { NativeApi } from "./native-api.ts";
import { type Page, type PageQuery, paged } from "./paging.ts";

/** Who is kept out: a user, or a connection token by its id (`tokenId`, never the token itself). */
export type BlockTarget = { readonly user: string } | { readonly token: string };

/** For how long, and why. */
export interface BlockOptions extends CallOptions {
  /** 1 to 31,536,000; default 3,600. */
  readonly seconds?: number | undefined;
  /** Comes back in lists and stands in Carillon's log, 1 to 200 characters. Clients aren't told. */
  readonly reason?: string | undefined;
}

/** A block that is in force. */
export type Block = BlockTarget & {
  /** In ms since 1970. */
  readonly expiresAtMs: number;
  readonly reason: string | null;
};

/** A block that was made. */
export type NewBlock = Block & Disconnected;

/** What became of ending a block. */
export interface Unblocked {
  /** False when there was none; also when a repeat of the call found that the first one had removed it. */
  readonly wasRemoved: boolean;
  /** False when a gateway did not say in time that it knows. */
  readonly isComplete: boolean;
}

/** Keeps users and tokens out of all gateways for a while. */
export class Blocks {
  readonly #api: NativeApi;

  constructor(api: NativeApi) {
    this.#api = api;
  }

  /** Blocks, ends the connections of, and resolves when the block is stored. Again for the same one: replaces the block. */
  async add(target: BlockTarget, { seconds, reason, ...options }: BlockOptions = {}): Promise<NewBlock> {
    const body = {
      ...targetOf(target),
      ...(seconds === undefined ? {} : { seconds }),
      ...(reason === undefined ? {} : { reason }),
    };
    const answer = await this.#api.call({ method: "POST", path: "/blocks", body, options });
    return {
      ...blockOf(answer),
      disconnected: answer.number("disconnected"),
      isComplete: answer.boolean("complete"),
    };
  }

  /** Ends a block. */
  async remove(target: BlockTarget, options: CallOptions = {}): Promise<Unblocked> {
    const query = targetOf(target);
    const answer = await this.#api.call({ method: "DELETE", path: "/blocks", query, options });
    return { wasRemoved: answer.boolean("removed"), isComplete: answer.boolean("complete") };
  }

  /** The block of one user or token; null when there is none. */
  async get(target: BlockTarget, options: CallOptions = {}): Promise<Block | null> {
    const answer = await this.#api.call({ method: "GET", path: "/blocks", query: targetOf(target), options });
    return answer.list("blocks", blockOf)[0] ?? null;
  }

  /** A page of the blocks that are in force. */
  async list({ after, limit, ...options }: PageQuery = {}): Promise<Omit<Page<Block>, "isComplete">> {
    const answer = await this.#api.call({ method: "GET", path: "/blocks", query: { after, limit }, options });
    return { items: answer.list("blocks", blockOf), next: answer.textOrNull("next") };
  }

  /** All blocks that are in force, page by page. */
  all(query: Omit<PageQuery, "after"> = {}): AsyncIterable<Block> {
    return paged((page) => this.list({ ...query, ...page }), query.limit);
  }
}

function targetOf(target: BlockTarget): Readonly<Record<string, string>> {
  const { user, token } = target as { readonly user?: string; readonly token?: string };
  if (user !== undefined && token === undefined) return { user };
  if (token !== undefined && user === undefined) return { token };
  return invalid("name one of these: { user } or { token }");
}

function blockOf(answer: Answer): Block {
  const target = answer.has("user") ? { user: answer.text("user") } : { token: answer.text("token") };
  return { ...target, expiresAtMs: answer.number("expiresAt"), reason: answer.textOrNull("reason") };
}
