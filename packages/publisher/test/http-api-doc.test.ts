import { readFileSync } from "node:fs";
import { ERROR_CODES } from "@carillon/protocol";
import { describe, expect, it } from "vitest";
import { API_ROUTES } from "../src/index.ts";
import { PUBLISH_HEADERS } from "../src/publish-routes.ts";
import { historyOf, RunningPublisher } from "./support/running-publisher.ts";

const page = readFileSync(new URL("../../../docs/http-api.md", import.meta.url), "utf8");

describe("docs/http-api.md", () => {
  it("has a section for each route, and no other", () => {
    const documented = [...page.matchAll(/^###? (GET|POST|PUT|DELETE) (\S+)$/gm)].map(
      ([, method, path]) => `${method} ${path}`,
    );
    expect(documented.sort()).toEqual(API_ROUTES.map(({ method, path }) => `${method} ${path}`).sort());
  });

  it("has each header that is read", () => {
    for (const header of PUBLISH_HEADERS) expect(page).toContain(`\`${header}`);
  });

  it("tells error codes as the registry has them", () => {
    const rows = [...page.matchAll(/^\| (\d{3}) \| `(\w+)` \|/gm)];
    expect(rows.length).toBeGreaterThan(15);
    for (const [, status, code = ""] of rows) {
      expect({ code, status: ERROR_CODES[code as keyof typeof ERROR_CODES]?.status }).toEqual({
        code,
        status: Number(status),
      });
    }
  });

  it("has a row for each code that the source can answer", () => {
    const sources = [
      "json-body",
      "publish-request",
      "media-type",
      "publish-handler",
      "publisher",
      "history-handler",
      "control-handler",
      "control-query",
      "pusher/info-attributes",
      "pusher/pusher-api",
      "pusher/pusher-call",
      "pusher/pusher-events",
      "pusher/pusher-queries",
      "pusher/signature",
      "pusher/trigger-request",
      "target-query",
      "block-handler",
      "block-query",
      "small-body",
    ];
    for (const name of sources) {
      const source = readFileSync(new URL(`../src/${name}.ts`, import.meta.url), "utf8");
      for (const [, code] of source.matchAll(/(?:refuse|problem)\(\s*"(\w+)"/g))
        expect(page).toContain(`| \`${code}\` |`);
    }
  });

  it("has an example of a history that is true, but for ids, times and positions", async () => {
    await using running = await RunningPublisher.start({ rules: historyOf("orders") });
    const [, query = "", shown = ""] =
      /channels\/orders\/history(\S*)' [^`]*```\n```json\n([\s\S]*?)```/.exec(page) ?? [];
    const { publications } = JSON.parse(shown) as { publications: { id: string; event: string; payload: unknown }[] };
    const more = { event: "order.paid", payload: 1, id: "more" };
    for (const { id, event, payload } of [...publications, more]) {
      await running.post("/publish", { channel: "orders", event, payload, id });
    }
    const real = await (await running.get(`/channels/orders/history${query}`)).text();
    const blank = (text: string): unknown =>
      JSON.parse(text, (key, value: unknown) => (key === "position" || key === "time" ? typeof value : value));
    expect(blank(real)).toEqual(blank(shown));
  });

  it("has curl examples that do what they say", async () => {
    await using running = await RunningPublisher.start();
    const examples = [...page.matchAll(/^curl -\w+ http:\/\/127\.0\.0\.1:8080(\S+) \\\n([\s\S]*?)\n```/gm)];
    expect(examples).toHaveLength(4);
    for (const [, path = "", rest = ""] of examples) {
      const headers = [...rest.matchAll(/-H '([^:]+): ([^']*)'/g)].map(
        ([, name = "", value = ""]): [string, string] => [
          name,
          value.replace("guide-secret", "publish-secret-of-shop"),
        ],
      );
      const body = /-d '(.*)'/.exec(rest)?.[1] ?? "";
      const response = await fetch(running.url + path, { method: "POST", headers, body });
      const isDetailed = headers.some(([name]) => name === "prefer");
      if (path === "/blocks") {
        expect(await response.json()).toMatchObject({ user: "ann", reason: "spam", complete: true });
        continue;
      }
      expect(response.status).toBe(isDetailed ? 200 : 204);
      if (isDetailed) expect(Object.keys((await response.json()) as object)).toEqual(["id", "time", "channels"]);
    }
  });
});
