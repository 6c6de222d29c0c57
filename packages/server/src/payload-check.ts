import { type ChannelSchemas, matchesPattern } from "@carillon/protocol";
import { CarillonError } from "./carillon-error.ts";
import { invalid } from "./ids.ts";

/** One schema, as Standard Schema has it. */
type Schema = ChannelSchemas[string][string];
type Issues = readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[];

const MAX_ISSUES_SHOWN = 5;

/** Checks payloads with the schemas that were declared; without any it lets everything pass. */
export class PayloadCheck {
  readonly #schemas: ChannelSchemas | null;

  constructor(schemas: ChannelSchemas | undefined) {
    if (schemas !== undefined) checkSchemas(schemas);
    this.#schemas = schemas ?? null;
  }

  /**
   * Rejects with `invalid_channel` or `invalid_event` for what was not declared, and with `invalid_payload`, whose
   * `cause` has all issues. What a schema makes of a payload is left alone: payloads travel as they were given, and whoever
   * hears them has the schema too.
   */
  async check(channels: readonly string[], event: string, data: unknown): Promise<void> {
    if (this.#schemas === null) return;
    for (const channel of channels) {
      const schema = schemaOf(this.#schemas, channel, event);
      const { issues } = await schema["~standard"].validate(data);
      if (issues !== undefined) throw refused(`"${event}" on "${channel}"`, issues);
    }
  }
}

function schemaOf(schemas: ChannelSchemas, channel: string, event: string): Schema {
  const pattern = Object.keys(schemas).find((each) => matchesPattern(each, channel));
  if (pattern === undefined) {
    throw new CarillonError(
      "invalid_channel",
      `the schemas declare no channel that "${channel}" fits: add it, or a pattern`,
    );
  }
  const events = schemas[pattern] ?? {};
  const schema = Object.hasOwn(events, event) ? events[event] : undefined;
  if (schema !== undefined) return schema;
  throw new CarillonError("invalid_event", `the schemas declare no event "${event}" on "${pattern}": add it`);
}

function refused(what: string, issues: Issues): CarillonError {
  const shown = issues.slice(0, MAX_ISSUES_SHOWN).map(({ message, path = [] }) => {
    const where = path.map(keyOf).join(".");
    return where === "" ? message : `${where}: ${message}`;
  });
  if (issues.length > MAX_ISSUES_SHOWN) shown.push("…");
  return new CarillonError(
    "invalid_payload",
    `the payload of ${what} is not what its schema wants: ${shown.join("; ")}`,
    {
      cause: issues,
    },
  );
}

function keyOf(segment: unknown): string {
  return String(typeof segment === "object" && segment !== null && "key" in segment ? segment.key : segment);
}

function checkSchemas(schemas: ChannelSchemas): void {
  for (const [channel, events] of Object.entries(schemas)) {
    for (const [event, schema] of Object.entries(events)) {
      if (typeof schema?.["~standard"]?.validate === "function") continue;
      invalid(
        `"schemas" has no Standard Schema for "${event}" on "${channel}": use a library that has them (Zod, Valibot, ArkType)`,
      );
    }
  }
}

/** Throws `invalid_payload` for what JSON can't say, or would make something else of. */
export function checkJson(data: unknown): void {
  const isFit =
    data === undefined || (typeof data !== "function" && typeof data !== "symbol" && typeof data !== "bigint");
  if (!isFit) throw new CarillonError("invalid_payload", `the payload is a ${typeof data}, which JSON can't say`);
  // As JSON it would be {}, and nobody would be told.
  if (typeof (data as PromiseLike<unknown> | null | undefined)?.then === "function") {
    throw new CarillonError("invalid_payload", "the payload is a promise: await it");
  }
  try {
    JSON.stringify(data);
  } catch (cause) {
    const reason = cause instanceof Error ? `: ${cause.message.split("\n", 1)[0]}` : "";
    throw new CarillonError("invalid_payload", `the payload can't be said in JSON${reason}`, { cause });
  }
}
