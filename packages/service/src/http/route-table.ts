import type { HttpRoute } from "./http-types.ts";

/** The methods that a route may have. */
export type RouteMethod = HttpRoute["method"];

/** The order in which `Allow` names them; OPTIONS is always answered and comes last. */
const ORDER: readonly RouteMethod[] = ["GET", "POST", "PUT", "DELETE"];

/** Which methods each path answers. */
export class RouteTable {
  readonly #methods = new Map<string, Set<RouteMethod>>();

  /** Notes a route. Throws when it was there before: uWebSockets.js would silently keep the first. */
  add(method: RouteMethod, path: string): void {
    const methods = this.#methods.get(path) ?? new Set();
    if (methods.has(method)) throw new Error(`There is already a route for ${method} ${path}.`);
    this.#methods.set(path, methods.add(method));
  }

  has(method: RouteMethod, path: string): boolean {
    return this.#methods.get(path)?.has(method) === true;
  }

  paths(): readonly string[] {
    return [...this.#methods.keys()];
  }

  /** The `Allow` header of a path. */
  allow(path: string): string {
    const methods = this.#methods.get(path);
    const named = ORDER.filter((method) => methods?.has(method) === true);
    return [...named.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])), "OPTIONS"].join(", ");
  }
}
