import type { DeadLetter, WebhookEntry } from "@carillon/core";

/** What is stored of an entry: JSON, so that people can read it with the tools of NATS. */
export function encodeEntry(entry: WebhookEntry): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(entry));
}

/** Null for what no process of Carillon has stored. */
export function decodeEntry(data: Uint8Array): WebhookEntry | null {
  const value = parse(data);
  return isEntry(value) ? value : null;
}

/** What is stored of a dead letter; its number is the sequence in the stream. */
export function encodeDeadLetter(letter: Omit<DeadLetter, "number">): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(letter));
}

/** Null for what no process of Carillon has stored. */
export function decodeDeadLetter(data: Uint8Array, number: number): DeadLetter | null {
  const value = parse(data);
  if (!isRecord(value) || !isEntry(value["entry"])) return null;
  const { entry, reason, attempts, deadAtMs } = value;
  if (typeof attempts !== "number" || typeof deadAtMs !== "number") return null;
  return { number, entry, reason: reason === "endpoint_removed" ? reason : "expired", attempts, deadAtMs };
}

function isEntry(value: unknown): value is WebhookEntry {
  if (!isRecord(value) || !isRecord(value["event"])) return false;
  const { id, appId, endpointId, queuedAtMs, event } = value;
  const texts = [id, appId, endpointId, event["name"], event["channel"]];
  return texts.every((text) => typeof text === "string") && typeof queuedAtMs === "number";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function parse(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(data));
  } catch {
    // Not one of ours: whoever asked says so.
    return null;
  }
}
