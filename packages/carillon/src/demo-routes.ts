import { readFileSync } from "node:fs";
import type { App } from "@carillon/core";
import type { HttpAnswer, HttpRoute } from "@carillon/service";

/** The files of the demo page, by address. The folder stands beside `src` and `dist` alike. */
const FILES = {
  "/": { file: "index.html", type: "text/html; charset=utf-8" },
  "/demo/demo.css": { file: "demo.css", type: "text/css; charset=utf-8" },
  "/demo/demo.js": { file: "demo.js", type: "text/javascript; charset=utf-8" },
  "/demo/bell.svg": { file: "bell.svg", type: "image/svg+xml" },
} as const;

const SECURITY_HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cache-control": "no-cache",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
} as const;

/**
 * The demo page of `carillon dev`. It hands the app's publish secret to whoever opens it, so that the page can publish: these
 * routes belong to development alone.
 */
export function demoRoutes(app: App): HttpRoute[] {
  const routes: HttpRoute[] = Object.entries(FILES).map(([path, { file, type }]) => {
    const body = readFileSync(new URL(`../demo/${file}`, import.meta.url));
    const answer: HttpAnswer = { status: 200, headers: { ...SECURITY_HEADERS, "content-type": type }, body };
    return { method: "GET", path, handle: () => answer };
  });
  routes.push({ method: "GET", path: "/demo/config.json", handle: () => configOf(app) });
  return routes;
}

function configOf(app: App): HttpAnswer {
  const { key, publishSecret } = app.settings;
  return {
    status: 200,
    headers: { ...SECURITY_HEADERS, "content-type": "application/json" },
    body: JSON.stringify({ key, publishSecret }),
  };
}
