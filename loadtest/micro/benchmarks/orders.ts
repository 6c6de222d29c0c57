import type { Envelope } from "@carillon/protocol";

/** What a shop publishes: small objects of text and numbers, each of another length. */
export const ORDERS = Array.from({ length: 16 }, (_, index) => ({
  id: 1_000_000 + 7919 * index,
  status: index % 3 === 0 ? "paid" : "shipped",
  total: 12.5 + index,
  customer: { name: `Zoë ${"Ahlström-".repeat(index % 4)}Meier`, city: "Malmö" },
  lines: Array.from({ length: 1 + (index % 5) }, (__, line) => ({ sku: `sku-${index}-${line}`, count: line + 1 })),
}));

const encoder = new TextEncoder();

/** The same as payloads: JSON text in UTF-8. */
export const PAYLOADS: readonly Uint8Array[] = ORDERS.map((order) => encoder.encode(JSON.stringify(order)));

/** The same as events on their way over the bus. */
export const ENVELOPES: readonly Envelope[] = PAYLOADS.map((payload, index) => ({
  id: `01jd3f7g9k${String(index).padStart(13, "0")}`,
  timeMs: 1_767_225_600_000 + index,
  exclude: index % 8 === 0 ? "123456789.42" : "",
  event: index % 2 === 0 ? "order.updated" : "order.created",
  payload,
}));
