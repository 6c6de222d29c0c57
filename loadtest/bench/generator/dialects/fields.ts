/** The fields of a JSON object; none for any other text, JSON or not. */
export function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  return fieldsIn(parsed(text)) ?? {};
}

/** The value as an object's fields; null when it isn't an object. */
export function fieldsIn(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
}

/** The value of a JSON text; undefined when it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A server may say anything; whoever asks takes it for what it isn't.
    return undefined;
  }
}
