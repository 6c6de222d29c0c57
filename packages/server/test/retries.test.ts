import { eventually, TcpProxy } from "@carillon/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CarillonError, type CarillonErrorCode } from "../src/carillon-error.ts";
import { CarillonServer, type CarillonServerOptions } from "../src/index.ts";
import { retryDelayMs } from "../src/retry.ts";
import { type Answering, accept, FakeServer, problem } from "./support/fake-server.ts";
import { errorOf, RunningCarillon } from "./support/running-carillon.ts";

const serverAt = (host: string, more: Partial<CarillonServerOptions> = {}) =>
  new CarillonServer({ appId: "1", key: "k", secret: "s", host, ...more });

/** Fails the first requests in a way, and accepts what comes after. */
const failing =
  (times: number, fail: Answering): Answering =>
  (response, seen, index) =>
    index < times ? fail(response, seen, index) : accept(response, seen);

const cut: Answering = (response) => void response.destroy();

describe("retries › an event with an id", () => {
  it.each<[string, Answering]>([
    ["the bus is away", (response) => problem(response, 503, "bus_unavailable")],
    ["the store of histories is away", (response) => problem(response, 503, "history_unavailable")],
    ["the publisher is shutting down", (response) => problem(response, 503, "draining")],
    ["the rate is over", (response) => problem(response, 429, "rate_limited")],
    ["the connection is cut", cut],
    ["a proxy has no server", (response) => void response.writeHead(502).end("<html>")],
  ])("is sent again, with the same id, when %s", async (_what, fail) => {
    await using fake = await FakeServer.start(failing(2, fail));
    const result = await serverAt(fake.url).trigger("a", "e", 1);
    const ids = fake.seen.map(({ body }) => (JSON.parse(body) as { id: string }).id);
    expect(ids).toEqual([result.id, result.id, result.id]);
  });

  it.each([1e10, Number.POSITIVE_INFINITY])("has all the time that it was given: %d ms", async (timeoutMs) => {
    await using fake = await FakeServer.start(failing(1, (response) => problem(response, 503, "draining")));
    await serverAt(fake.url).trigger("a", "e", 1, { timeoutMs });
    expect(fake.seen).toHaveLength(2);
  });

  it("is sent again, on another connection, when one is silent for half of the time", async () => {
    await using fake = await FakeServer.start(failing(1, () => undefined));
    const { id } = await serverAt(fake.url).trigger("a", "e", 1, { timeoutMs: 10_000 });
    expect(fake.seen.map(({ body }) => (JSON.parse(body) as { id: string }).id)).toEqual([id, id]);
  });

  it("has all of its time for an answer that is to come late", async () => {
    await using fake = await FakeServer.start((response, seen) => void setTimeout(() => accept(response, seen), 5_200));
    await serverAt(fake.url).trigger("a", "e", 1, { timeoutMs: 10_000, receipts: { timeoutMs: 5_000 } });
    expect(fake.seen).toHaveLength(1);
  });

  it("is delivered once though its answer got lost", async () => {
    await using carillon = await RunningCarillon.start();
    await using client = await carillon.client();
    await client.subscribe("a");
    let isFirst = true;
    const fetch: NonNullable<CarillonServerOptions["fetch"]> = async (url, init) => {
      const response = await globalThis.fetch(url, init);
      if (!isFirst) return response;
      isFirst = false;
      throw new TypeError("the answer is lost");
    };
    const server = carillon.server({ fetch });
    const { duplicates } = await server.trigger("a", "e", 1);
    await server.trigger("a", "last", 2);
    expect(duplicates).toEqual(["a"]);
    expect((await client.events(2)).map(({ event }) => event)).toEqual(["e", "last"]);
  });

  it("is refused for good at once, and after the last retry with what was accepted and the ids", async () => {
    const results = [
      { id: "x", time: 1, channels: ["a"] },
      { channels: [], refused: ["b"] },
    ];
    const inPart: Answering = (response) => {
      response.writeHead(503, { "content-type": "application/problem+json" });
      response.end(JSON.stringify({ code: "bus_unavailable", status: 503, detail: "the bus is away", results }));
    };
    await using fake = await FakeServer.start(inPart);
    const events = [
      { channel: "a", event: "e", data: 1, id: "x" },
      { channel: "b", event: "e", data: 1, id: "y" },
    ];
    const error = await errorOf(() => serverAt(fake.url, { maxRetries: 1 }).triggerBatch(events));
    expect(fake.seen).toHaveLength(2);
    expect(error).toMatchObject({
      code: "bus_unavailable",
      status: 503,
      isRetryable: true,
      ids: ["x", "y"],
      results: [
        { id: "x", channels: ["a"], refused: [] },
        { id: null, channels: [], refused: ["b"] },
      ],
    });
  });

  it.each(["unauthorized", "invalid_field", "message_too_large", "internal_error"])(
    "%s is not tried again",
    async (code) => {
      await using fake = await FakeServer.start((response) => problem(response, 400, code));
      expect(await errorOf(() => serverAt(fake.url).trigger("a", "e", 1))).toMatchObject({ code, isRetryable: false });
      expect(fake.seen).toHaveLength(1);
    },
  );
});

describe("retries › an event without an id", () => {
  it.each(["rate_limited", "draining"])("is sent again after %s, which had no effect", async (code) => {
    await using fake = await FakeServer.start(failing(1, (response) => problem(response, 503, code)));
    await serverAt(fake.url).trigger("a", "e", 1, { idempotent: false });
    expect(fake.seen).toHaveLength(2);
    expect(JSON.parse(fake.seen[0]?.body ?? "")).toEqual({ channel: "a", event: "e", payload: 1 });
  });

  it.each<[string, Answering]>([
    ["bus_unavailable", (response) => problem(response, 503, "bus_unavailable")],
    ["unreachable", cut],
    ["unexpected_answer", (response) => void response.writeHead(504).end()],
  ])("is not sent again after %s, as it may be out", async (code, fail) => {
    await using fake = await FakeServer.start(failing(9, fail));
    const error = await errorOf(() => serverAt(fake.url).trigger("a", "e", 1, { idempotent: false }));
    expect(error).toMatchObject({ code, isRetryable: true, ids: [] });
    expect(fake.seen).toHaveLength(1);
  });
});

describe("retries › time", () => {
  it("a call that is not answered ends in time, and says that its effect is not known", async () => {
    await using fake = await FakeServer.start(() => undefined);
    const error = await errorOf(() => serverAt(fake.url, { timeoutMs: 150 }).trigger("a", "e", 1));
    expect(error).toMatchObject({ code: "timeout", isRetryable: true, ids: [expect.any(String)] });
    expect((error as Error).message).toMatch(/within 150 ms.*not known/);
  });

  it("no retry is waited for that would come too late", async () => {
    await using fake = await FakeServer.start((response) => {
      problem(response, 503, "bus_unavailable", { "retry-after": "60" });
    });
    const error = await errorOf(() => serverAt(fake.url, { timeoutMs: 30_000 }).trigger("a", "e", 1));
    expect(error).toMatchObject({ code: "bus_unavailable", retryAfterMs: 60_000 });
    expect(fake.seen).toHaveLength(1);
  });

  it("retry-after is waited for", async () => {
    const times: number[] = [];
    await using fake = await FakeServer.start((response, seen, index) => {
      times.push(performance.now());
      if (index === 0) problem(response, 429, "rate_limited", { "retry-after": "1" });
      else accept(response, seen);
    });
    await serverAt(fake.url).trigger("a", "e", 1);
    const [first = 0, second = 0] = times;
    expect(second - first).toBeGreaterThan(950);
  });

  it("a signal ends a call, while it waits for an answer or for the next try", async () => {
    await using silent = await FakeServer.start(() => undefined);
    await using failingOne = await FakeServer.start((response) => {
      problem(response, 503, "bus_unavailable", { "retry-after": "5" });
    });
    for (const { url, seen } of [silent, failingOne]) {
      const abort = new AbortController();
      const call = errorOf(() => serverAt(url).trigger("a", "e", 1, { signal: abort.signal }));
      await eventually(() => expect(seen).not.toHaveLength(0));
      abort.abort(new Error("the user has left"));
      expect(await call).toMatchObject({ code: "aborted", isRetryable: false, cause: new Error("the user has left") });
    }
    const error = await errorOf(() => serverAt(silent.url).channels.get("a", { signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ code: "aborted" });
    expect(silent.seen).toHaveLength(1);
  });

  it("the publisher comes back while a call is repeated", async () => {
    await using carillon = await RunningCarillon.start();
    const proxy = await TcpProxy.start({ targetPort: () => Number(new URL(carillon.url).port) });
    proxy.cut();
    const host = `http://127.0.0.1:${proxy.port}`;
    const attempts: string[] = [];
    const fetch: NonNullable<CarillonServerOptions["fetch"]> = (url, init) => {
      // The link heals once the first attempt has failed.
      if (attempts.push(url) > 1) proxy.heal();
      return globalThis.fetch(url, init);
    };
    expect((await carillon.server({ host, fetch }).trigger("a", "e", 1)).channels).toEqual(["a"]);
    expect(attempts.length).toBeGreaterThan(1);
    await proxy.stop();
  });
});

describe("retries › answers that are none of Carillon's", () => {
  it.each<[string, Answering, RegExp]>([
    ["a page", (response) => void response.writeHead(200, { "content-type": "text/html" }).end("<html>"), /no JSON/],
    ["another API", (response) => void response.writeHead(200).end("{}"), /"id" is not/],
    [
      "not found",
      (response) => void response.writeHead(404).end("nothing"),
      /answered 404 .*"host" is the publish API/,
    ],
    [
      "a redirect",
      (response) => void response.writeHead(308, { location: "https://www.example.com/publish?x=1" }).end(),
      /redirects \(308\) to https:\/\/www\.example\.com\/publish, .*: give/,
    ],
    ["a newer code", (response) => problem(response, 400, "brand_new"), /brand_new: it is brand_new/],
  ])("%s is told as such", async (_what, answer, message) => {
    await using fake = await FakeServer.start(answer);
    const error = await errorOf(() => serverAt(fake.url).trigger("a", "e", 1));
    expect(error).toMatchObject({ code: "unexpected_answer", isRetryable: false });
    expect((error as Error).message).toMatch(message);
    expect(fake.seen).toHaveLength(1);
  });
});

describe("retryDelayMs", () => {
  const codes = fc.constantFrom<CarillonErrorCode>(
    "bus_unavailable",
    "rate_limited",
    "draining",
    "unreachable",
    "timeout",
  );
  const attempt = fc.record({
    error: fc
      .tuple(codes, fc.option(fc.nat(10_000), { nil: undefined }))
      .map(([code, retryAfterMs]) => new CarillonError(code, "", retryAfterMs === undefined ? {} : { retryAfterMs })),
    isRepeatable: fc.boolean(),
    retries: fc.nat(12),
    maxRetries: fc.nat(10),
    remainingMs: fc.integer({ min: -10, max: 30_000 }),
    random: fc.double({ min: 0, max: 0.999, noNaN: true }).map((value) => () => value),
  });

  it("is never too early, never too late, never above its cap, and never for what may have had its effect", () => {
    fc.assert(
      fc.property(attempt, (failed) => {
        const delayMs = retryDelayMs(failed);
        if (delayMs === null) return;
        const { error, isRepeatable, retries, maxRetries, remainingMs } = failed;
        const askedMs = error.retryAfterMs ?? 0;
        expect(delayMs).toBeGreaterThanOrEqual(askedMs);
        expect(delayMs).toBeLessThanOrEqual(askedMs + Math.min(250 * 2 ** retries, 5000));
        expect(delayMs).toBeLessThan(remainingMs);
        expect(retries).toBeLessThan(maxRetries);
        expect(isRepeatable || ["rate_limited", "draining"].includes(error.code)).toBe(true);
      }),
    );
  });
});
