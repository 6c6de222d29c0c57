import { BLOCK_KINDS, type BlockKind, type BlockQuery, type BlockWish } from "@carillon/core";
import { accept, type Result, refuse } from "@carillon/protocol";
import { readLimit, readParameters } from "./control-query.ts";
import { fieldsOf, readTarget, type Target } from "./target-query.ts";

/** How long a block lasts that doesn't say so, in seconds. */
const DEFAULT_SECONDS = 3600;

/** Longest block, in seconds: a year. */
const MAX_SECONDS = 31_536_000;

const MAX_REASON_LENGTH = 200;

/** What a listing asks for: one target alone, or a page of all. */
export interface ReadBlockQuery extends BlockQuery {
  readonly target: Target<BlockKind> | null;
}

/** Reads the body of a block. */
export function readBlock(value: unknown): Result<BlockWish> {
  const fields = fieldsOf(value);
  const target = readTarget(fields, BLOCK_KINDS);
  if (!target.ok) return target;
  const seconds = fields["seconds"] ?? DEFAULT_SECONDS;
  if (typeof seconds !== "number" || !Number.isInteger(seconds) || seconds < 1 || seconds > MAX_SECONDS) {
    return refuse("invalid_field", `"seconds" must be a whole number from 1 to ${MAX_SECONDS}`);
  }
  const reason = fields["reason"] ?? null;
  if (reason !== null && (typeof reason !== "string" || reason === "" || reason.length > MAX_REASON_LENGTH)) {
    return refuse("invalid_field", `"reason" must be a text of 1 to ${MAX_REASON_LENGTH} characters`);
  }
  return accept({ ...target.value, seconds, reason });
}

/** Reads whose block is to be ended. */
export function readUnblockQuery(query: string): Result<Target<BlockKind>> {
  const parameters = readParameters(query, BLOCK_KINDS);
  return parameters.ok ? readTarget(parameters.value, BLOCK_KINDS) : parameters;
}

/** Reads what a listing asks for. */
export function readBlockQuery(query: string): Result<ReadBlockQuery> {
  const parameters = readParameters(query, [...BLOCK_KINDS, "after", "limit"]);
  if (!parameters.ok) return parameters;
  const { after = "", limit: text, ...named } = parameters.value;
  const limit = readLimit(text);
  if (!limit.ok) return limit;
  if (Object.keys(named).length === 0) return accept({ target: null, after, limit: limit.value });
  const target = readTarget(named, BLOCK_KINDS);
  return target.ok ? accept({ target: target.value, after, limit: limit.value }) : target;
}
