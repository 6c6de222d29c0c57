import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { appSettings, limits } from "./support/apps.ts";
import { publishHead, RawConnection } from "./support/raw-connection.ts";
import { RunningPublisher, SECRET } from "./support/running-publisher.ts";

const EVENT = { channel: "a", event: "e", payload: 1 };

async function problemOf(response: Response) {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const problem = (await response.json()) as Record<string, unknown>;
  expect(problem).toMatchObject({ status: response.status, title: expect.any(String) });
  expect(problem["type"]).toBe(`urn:carillon:error:${problem["code"]}`);
  return { status: response.status, code: problem["code"], detail: String(problem["detail"]) };
}

describe("refused publishes", () => {
  it.each<[string, unknown, number, string, string]>([
    ["/publish", `{"channel":"a",}`, 400, "invalid_json", "line 1, column 16"],
    ["/publish", "", 400, "invalid_json", "the body is empty"],
    ["/publish", Uint8Array.of(0x22, 0xff, 0x22), 400, "invalid_utf8", "not UTF-8"],
    ["/publish", [], 400, "invalid_field", "POST /publish/batch"],
    ["/publish", { chanel: "a", event: "e" }, 400, "missing_field", `found "chanel", "event" instead`],
    ["/publish", { channel: "a", event: "e", data: 1 }, 400, "missing_field", `"payload" is missing`],
    ["/publish", { ...EVENT, channel: "a b" }, 400, "invalid_channel", `contains " "`],
    ["/publish", { ...EVENT, event: "carillon:x" }, 400, "invalid_event", "an event name has"],
    ["/publish", { ...EVENT, id: "" }, 400, "invalid_field", `"id"`],
    ["/publish", { ...EVENT, exclude: "tab" }, 400, "invalid_field", `"exclude"`],
    ["/publish", { event: "e", channels: ["a", "b", "c"] }, 400, "too_many_channels", "limit is 2"],
    [
      "/publish",
      { ...EVENT, payload: "x".repeat(99) },
      413,
      "message_too_large",
      "has 101 bytes, the app's limit is 100",
    ],
    ["/publish", { ...EVENT, x: "y".repeat(500) }, 413, "message_too_large", "the body is larger than 400 bytes"],
    ["/publish/batch", { events: [EVENT, EVENT, EVENT] }, 400, "batch_too_large", "has 3 events, the app's limit is 2"],
    ["/publish/batch", { events: [EVENT, { ...EVENT, event: "" }] }, 400, "invalid_event", `"events[1].event"`],
  ])("%s %j gets %i %s", async (path, body, ...expected) => {
    const shop = appSettings("shop", { limits: limits({ channelsPerPublish: 2, batchEvents: 2, messageBytes: 100 }) });
    await using running = await RunningPublisher.start({ apps: [shop], maxBodyBytes: 400 });
    const received = await running.record("a");
    const response = await running.post(path, body);
    const [status, code, detail] = expected;
    expect(await problemOf(response)).toEqual({ status, code, detail: expect.stringContaining(detail) });
    expect(received).toHaveLength(0);
    expect(running.counters.eventsPublished).toBe(0);
  });

  it("answers missing and wrong secrets alike, before it looks at the body", async () => {
    await using running = await RunningPublisher.start({
      apps: [appSettings("shop"), appSettings("dark", { publishSecret: null })],
    });
    const received = await running.record("a");
    const wrong: Record<string, string>[] = [
      {},
      { "x-publish-secret": "wrong" },
      { "x-publish-secret": `${SECRET}x` },
      { "x-publish-secret": SECRET.slice(0, -1) },
      { "x-publish-secret": "x".repeat(2000) },
      { "x-publish-secret": "null" },
      { "x-publish-secret": "wrong", authorization: `Bearer ${SECRET}` },
      { authorization: "Bearer wrong" },
      { authorization: "Bearer" },
      { authorization: `Basic ${SECRET}` },
      { authorization: SECRET },
    ];
    const seen = new Set<string>();
    for (const headers of wrong) {
      for (const body of [JSON.stringify(EVENT), "not json", new Uint8Array(100_000)]) {
        const response = await fetch(`${running.url}/publish`, { method: "POST", headers, body });
        expect(response.status).toBe(401);
        const told = [...response.headers].filter(([name]) => name !== "date");
        seen.add(JSON.stringify([told, await response.text()]));
      }
    }
    expect([...seen]).toEqual([expect.stringContaining(`"code\\":\\"unauthorized`)]);
    expect([...seen][0]).toContain(`["www-authenticate","Bearer"]`);
    expect(received).toHaveLength(0);
  });

  it("refuses for a disabled app, once the secret is right", async () => {
    await using running = await RunningPublisher.start({ apps: [appSettings("shop", { enabled: false })] });
    expect(await problemOf(await running.post("/publish", EVENT))).toMatchObject({ status: 403, code: "app_disabled" });
    const wrong = await running.post("/publish", EVENT, { "x-publish-secret": "wrong" });
    expect(wrong.status).toBe(401);
  });

  it("refuses forms", async () => {
    await using running = await RunningPublisher.start();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    expect(await problemOf(await running.post("/publish", EVENT, headers))).toEqual({
      status: 415,
      code: "unsupported_media_type",
      detail: expect.stringContaining("content-type: application/json"),
    });
  });

  it.each(["/publish", "/publish/batch"])("answers other methods on %s with 405 and what is allowed", async (path) => {
    await using running = await RunningPublisher.start();
    const response = await fetch(running.url + path);
    expect(response.headers.get("allow")).toContain("POST");
    expect(await problemOf(response)).toMatchObject({ status: 405, code: "method_not_allowed" });
  });

  it("answers other paths with 404", async () => {
    await using running = await RunningPublisher.start();
    expect(await problemOf(await running.post("/publish/", EVENT))).toMatchObject({ status: 404, code: "not_found" });
  });

  it("lives through any body, and answers it 4xx or 204", async () => {
    await using running = await RunningPublisher.start();
    const jsonish = fc.array(fc.constantFrom("{", "}", "[", "]", `"channel"`, `"a"`, ":", ",", "1", "\\", "é"), {
      maxLength: 20,
    });
    const bodies = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      jsonish.map((parts) => parts.join("")),
      fc.json(),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom("/publish", "/publish/batch"), bodies, async (path, body) => {
        const response = await running.post(path, body);
        expect(response.status === 204 || (response.status >= 400 && response.status < 500)).toBe(true);
        await response.arrayBuffer();
      }),
      { numRuns: 150 },
    );
    expect((await running.post("/publish", EVENT)).status).toBe(204);
  });

  it("refuses a chunked body that grows past the limit, and closes the connection", async () => {
    await using running = await RunningPublisher.start({ maxBodyBytes: 1000 });
    using connection = new RawConnection(running.port);
    const chunk = `400\r\n${"x".repeat(0x400)}\r\n`;
    connection.write(publishHead("transfer-encoding: chunked") + chunk);
    const answer = await connection.nextAnswer();
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    expect(answer).toContain("publisher.maxBodyBytes");
    await connection.closed();
  });

  it("lets go of a call whose client left before its body came", async () => {
    await using running = await RunningPublisher.start();
    const { counters } = running.publisher;
    using connection = new RawConnection(running.port);
    connection.write(`${publishHead("content-length: 100")}{"ch`);
    await vi.waitFor(() => expect(counters.inFlight).toBe(1), 10_000);
    connection.cut();
    await vi.waitFor(() => expect(counters.inFlight).toBe(0), 10_000);
    expect([...counters.answers]).toEqual([[408, 1]]);
  });

  it("counts its answers by status", async () => {
    await using running = await RunningPublisher.start();
    await running.post("/publish", EVENT);
    await running.post("/publish", EVENT);
    await running.post("/publish", {});
    await running.post("/publish", EVENT, { "x-publish-secret": "wrong" });
    const { answers, durations } = running.publisher.counters;
    expect(Object.fromEntries(answers)).toEqual({ 204: 2, 400: 1, 401: 1 });
    expect(durations.reduce((sum, count) => sum + count)).toBe(4);
  });
});
