import { type ChannelSchemas, matchesPattern } from "@carillon/protocol";
import { CarillonError } from "./errors.ts";

/** Answers the payload as the schema gives it back. Throws a {@link CarillonError} for one that doesn't fit. */
export type PayloadCheck = (channel: string, event: string, payload: unknown) => unknown;

/** Checks payloads against the first pattern that fits the channel's name. What nothing is declared for passes as it is. */
export function payloadCheck(schemas: ChannelSchemas): PayloadCheck {
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
