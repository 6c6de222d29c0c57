import type { App, Block, BlockControl } from "@carillon/core";
import { ERROR_CODES, type Refusal } from "@carillon/protocol";
import { type HttpAnswer, type HttpRequest, type Logger, problem } from "@carillon/service";
import { readBlock, readBlockQuery, readUnblockQuery } from "./block-query.ts";
import type { CallerCheck } from "./caller-check.ts";
import { readSmallBody } from "./small-body.ts";

/** What a BlockHandler stands on. */
export interface BlockHandlerOptions {
  readonly callers: CallerCheck;
  readonly blocks: BlockControl;
  /** Where it is written who was blocked and who no longer is. */
  readonly log: Logger;
}

/** An address about blocks. */
export interface BlockRoute {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly answer: (asked: Asked) => Promise<HttpAnswer>;
}

interface Asked {
  readonly app: App;
  readonly request: HttpRequest;
  readonly blocks: BlockControl;
  readonly log: Logger;
}

/** Where users and tokens are blocked. */
export const BLOCK_ROUTES: readonly BlockRoute[] = [
  { method: "GET", path: "/blocks", answer: list },
  { method: "POST", path: "/blocks", answer: block },
  { method: "DELETE", path: "/blocks", answer: unblock },
];

const HEADERS = Object.freeze({ "content-type": "application/json", "cache-control": "no-store" });
const RETRY_SOON = Object.freeze({ "retry-after": "1" });

/** Blocks, unblocks and lists for whoever may publish in the app. */
export class BlockHandler {
  readonly #options: BlockHandlerOptions;

  constructor(options: BlockHandlerOptions) {
    this.#options = options;
  }

  /** Answers a call. Refusals are answers; only bugs reject. */
  async answer(request: HttpRequest, route: BlockRoute): Promise<HttpAnswer> {
    const { callers, blocks, log } = this.#options;
    const caller = callers.check(request);
    return caller.ok ? route.answer({ app: caller.app, request, blocks, log }) : caller.answer;
  }
}

async function block({ app, request, blocks, log }: Asked): Promise<HttpAnswer> {
  const wish = await readSmallBody(request, "one user or one token", readBlock);
  if (!wish.ok) return wish.answer;
  const result = await blocks.block(app, wish.value);
  if (!result.ok) return refusalAnswer(result);
  const { block, ended: disconnected, isComplete: complete } = result.value;
  log.info("block_added", { ...blockFields(block), disconnected, complete });
  return json({ ...shownBlock(block), disconnected, complete });
}

async function unblock({ app, request, blocks, log }: Asked): Promise<HttpAnswer> {
  const target = readUnblockQuery(request.query);
  if (!target.ok) return refusalAnswer(target);
  const result = await blocks.unblock(app.id, target.value);
  if (!result.ok) return refusalAnswer(result);
  const { wasBlocked: removed, isComplete: complete } = result.value;
  if (removed) log.info("block_removed", { app: app.id, ...target.value, complete });
  return json({ removed, complete });
}

async function list({ app, request, blocks }: Asked): Promise<HttpAnswer> {
  const query = readBlockQuery(request.query);
  if (!query.ok) return refusalAnswer(query);
  const { target, ...page } = query.value;
  const result = target === null ? await blocks.list(app.id, page) : await blocks.find(app.id, target);
  if (!result.ok) return refusalAnswer(result);
  const { blocks: found, next } = result.value;
  return json({ blocks: found.map(shownBlock), ...(next === null ? {} : { next }) });
}

function shownBlock({ kind, id, reason, expiresAtMs }: Block): Readonly<Record<string, unknown>> {
  return { [kind]: id, expiresAt: expiresAtMs, ...(reason === null ? {} : { reason }) };
}

function blockFields({ appId, kind, id, reason, expiresAtMs }: Block): Readonly<Record<string, unknown>> {
  return { app: appId, kind, id, expiresAt: expiresAtMs, ...(reason === null ? {} : { reason }) };
}

function json(value: unknown): HttpAnswer {
  return { status: 200, headers: HEADERS, body: JSON.stringify(value) };
}

function refusalAnswer({ code, message }: Refusal): HttpAnswer {
  return problem(code, message, ERROR_CODES[code].isRetryable ? RETRY_SOON : {});
}
