import { type ChannelSchemas, matchesPattern } from "@carillon/protocol";
import { CarillonError } from "./errors.ts";
import type { PayloadCheck } from "./options.ts";

/**
 * Checks payloads against schemas, of any library of Standard Schema: of a channel those of the first pattern that fits its name. What nothing is
 * declared for passes as it is. Schemas must answer at once. The types that go with them: `HeardBy<typeof schemas>`.
 *
 * @example
 * import { schemaCheck } from "@carillon/client/schemas";
 * const schemas = { "private-user-*": { badge: z.number() } };
 * const client = new RealtimeClient<HeardBy<typeof schemas>>("app-key", { host, check: schemaCheck(schemas) });
 */
export function schemaCheck(schemas: ChannelSchemas): PayloadCheck {
  return (channel, event, payload) => {
    const pattern = Object.keys(schemas).find((each) => matchesPattern(each, channel));
    const schema = pattern === undefined ? undefined : schemas[pattern]?.[event];
    if (schema === undefined) return payload;
    const result = schema["~standard"].validate(payload);
    if (result instanceof Promise) {
      throw new CarillonError("invalid_payload", `the schema of ${event} on ${channel} must not be asynchronous`);
    }
    if (result.issues === undefined) return result.value;
    const [issue] = result.issues;
    const path = issue?.path?.map((part) => (typeof part === "object" ? part.key : part)).join(".") ?? "";
    const where = path === "" ? "" : ` at ${path}`;
    throw new CarillonError(
      "invalid_payload",
      `${event} on ${channel} doesn't fit its schema${where}: ${issue?.message}`,
    );
  };
}
