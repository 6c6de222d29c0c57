import type { WebhookEntry } from "../ports/webhook-queue.ts";

/** The first entries, as many as fit, at least one. */
export function withinLimits(
  entries: readonly WebhookEntry[],
  limits: { readonly entries: number; readonly bytes: number },
): readonly WebhookEntry[] {
  let bytes = 0;
  let count = 0;
  for (const { event } of entries) {
    // Counts UTF-16 units, of which a text has never more than bytes in UTF-8, and rarely fewer than a third of them.
    bytes += JSON.stringify(event).length;
    if (count > 0 && (count >= limits.entries || bytes > limits.bytes)) break;
    count++;
  }
  return entries.slice(0, count);
}
