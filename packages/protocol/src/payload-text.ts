const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * A payload (JSON text in UTF-8) as receivers want it who know texts only: a JSON string is the text that it stands for,
 * anything else is its JSON.
 */
export function payloadText(payload: Uint8Array): string {
  const text = decoder.decode(payload);
  if (!text.trimStart().startsWith('"')) return text;
  const value: unknown = JSON.parse(text);
  return typeof value === "string" ? value : text;
}
