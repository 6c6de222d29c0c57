import type { AnyAnswer } from "@carillon/service";

/** How long browsers remember that they may ask, in seconds. */
const MAX_AGE_SECONDS = "7200";

/**
 * Lets a page of this origin read the answer. No call relies on cookies: what it may have is decided by the app's origins
 * when a session begins and in each later call, so even a refusal may be read.
 */
export function readable<A extends AnyAnswer>(answer: A, origin: string): A {
  const headers = {
    ...answer.headers,
    ...(origin === "" ? {} : { "access-control-allow-origin": origin, "access-control-expose-headers": "retry-after" }),
    vary: "origin",
  };
  return { ...answer, headers };
}

/** The answer to a browser that asks whether it may ask. */
export function preflight(origin: string): AnyAnswer {
  const headers = {
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "content-type, last-event-id, cache-control",
    "access-control-max-age": MAX_AGE_SECONDS,
  };
  return readable({ status: 204, headers }, origin);
}
