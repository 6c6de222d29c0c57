import type { CallOptions } from "./http-transport.ts";

/** Which page of a list. */
export interface PageQuery extends CallOptions {
  /** Most entries in one answer, 1 to 1,000; default 100, or 1,000 where all pages are read. */
  readonly limit?: number | undefined;
  /** Goes on behind this: the `next` of the page before. */
  readonly after?: string | undefined;
}

/** A page of a list. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** What to give as `after` for the next page; null when this was the last. */
  readonly next: string | null;
  /** False when a gateway did not answer in time: something may be missing. */
  readonly isComplete: boolean;
}

const WHOLE_LIST_LIMIT = 1000;

/** All entries of a list that comes in pages. */
export async function* paged<Item>(
  read: (query: { readonly limit: number; readonly after?: string }) => Promise<Pick<Page<Item>, "items" | "next">>,
  limit: number = WHOLE_LIST_LIMIT,
): AsyncGenerator<Item, void, void> {
  let after: string | null = null;
  do {
    const page: Pick<Page<Item>, "items" | "next"> = await read(after === null ? { limit } : { limit, after });
    yield* page.items;
    after = page.next;
  } while (after !== null);
}
