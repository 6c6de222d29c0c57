import { afterEach, describe, expect, test, vi } from "vitest";
import { backoffMs as clientsBackoffMs } from "../../packages/client/src/backoff.ts";
import { backoffMs } from "../k6/lib/backoff.ts";

describe("how long a dropped client waits", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test.each([0, 0.01, 0.3, 0.999])("is as long as Carillon's own client waits, at a random %d", (random) => {
    vi.spyOn(Math, "random").mockReturnValue(random);
    // What that client does when nothing is said about it (packages/client/src/options.ts).
    const bounds = { minMs: 500, maxMs: 30_000 };
    for (let attempt = 0; attempt < 12; attempt++) expect(backoffMs(attempt)).toBe(clientsBackoffMs(bounds, attempt));
  });
});
