import { accept, MAX_USER_ID_LENGTH, type Result, refuse } from "@carillon/protocol";

/** The forms in which a call may name whom it is about. */
export type TargetKind = "user" | "token" | "connection";

/** Whom a call is about. */
export interface Target<Kind extends TargetKind> {
  readonly kind: Kind;
  readonly id: string;
}

const ID_RULES: Readonly<Record<TargetKind, string>> = {
  user: `must be a user id: a string of 1 to ${MAX_USER_ID_LENGTH} characters`,
  token: `must be the id of a connection token (its "jti"), not the token: a string of 1 to ${MAX_USER_ID_LENGTH} characters`,
  connection: 'must be a connection id such as "123.456"',
};

/**
 * Reads whom a call is about: exactly one of `kinds` among the given fields; absent and null are the same. Refuses with
 * `missing_field` and with `invalid_field`.
 */
export function readTarget<Kind extends TargetKind>(
  fields: Readonly<Record<string, unknown>>,
  kinds: readonly Kind[],
): Result<Target<Kind>> {
  const given = kinds.filter((kind) => fields[kind] !== undefined && fields[kind] !== null);
  const [kind] = given;
  if (kind === undefined || given.length > 1) {
    return refuse("missing_field", `name exactly one of these: ${kinds.map((each) => `"${each}"`).join(", ")}`);
  }
  const id = fields[kind];
  return isId(kind, id) ? accept({ kind, id }) : refuse("invalid_field", `"${kind}" ${ID_RULES[kind]}`);
}

/** The members of a body that is an object; none of any other. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function isId(kind: TargetKind, id: unknown): id is string {
  if (typeof id !== "string") return false;
  if (kind === "connection") return /^\d{1,20}\.\d{1,20}$/.test(id);
  return id.length > 0 && id.length <= MAX_USER_ID_LENGTH;
}
