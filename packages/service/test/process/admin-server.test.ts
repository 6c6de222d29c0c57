import { createNodeCounters } from "@carillon/core";
import { describe, expect, test } from "vitest";
import { type AdminServerOptions, createAdminServer } from "../../src/process/admin-server.ts";
import { createSilentLogger } from "../../src/process/logger.ts";
import { createMetricsRegistry } from "../../src/process/metrics-registry.ts";

async function start(options: Partial<AdminServerOptions> = {}) {
  const metrics = createMetricsRegistry({
    counters: createNodeCounters(),
    role: "test",
    includesProcessMetrics: false,
  });
  const admin = createAdminServer({
    host: "127.0.0.1",
    port: 0,
    metrics,
    reasonsNotReady: () => [],
    log: createSilentLogger(),
    ...options,
  });
  const { port } = await admin.listen();
  return { admin, port, url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => admin.close() };
}

describe("admin server", () => {
  test("/healthz is 200 while the process lives, ready or not", async () => {
    await using admin = await start({ reasonsNotReady: () => ["draining"] });
    const response = await fetch(`${admin.url}/healthz`);
    expect([response.status, await response.json()]).toEqual([200, { alive: true }]);
  });

  test("/readyz is 200, or 503 with the reasons, as it is when asked", async () => {
    const reasons: string[] = [];
    await using admin = await start({ reasonsNotReady: () => reasons });
    const ready = await fetch(`${admin.url}/readyz?verbose`);
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true, reasons: [] }]);
    reasons.push("the bus is disconnected", "draining");
    const unready = await fetch(`${admin.url}/readyz`);
    expect([unready.status, await unready.json()]).toEqual([503, { ready: false, reasons }]);
    expect(unready.headers.get("cache-control")).toBe("no-store");
  });

  test("/readyz tells what does not work, and stays 200 for it", async () => {
    const degraded: string[] = [];
    await using admin = await start({ degradations: () => degraded });
    expect(await (await fetch(`${admin.url}/readyz`)).json()).toEqual({ ready: true, reasons: [] });
    degraded.push("histories are away");
    const response = await fetch(`${admin.url}/readyz`);
    expect([response.status, await response.json()]).toEqual([200, { ready: true, reasons: [], degraded }]);
  });

  test("/metrics is in Prometheus's text format", async () => {
    await using admin = await start();
    const response = await fetch(`${admin.url}/metrics`);
    expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await response.text()).toContain('carillon_deliveries_total{role="test"} 0\n');
  });

  test("HEAD is answered without a body", async () => {
    await using admin = await start();
    const response = await fetch(`${admin.url}/readyz`, { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });

  test("other paths are 404 and other methods 405, as problem JSON", async () => {
    await using admin = await start();
    const unknown = await fetch(`${admin.url}/publish`);
    expect(await unknown.json()).toMatchObject({ status: 404, code: "not_found" });
    const posted = await fetch(`${admin.url}/metrics`, { method: "POST" });
    expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    expect(posted.headers.get("content-type")).toBe("application/problem+json");
  });

  test("a reading that throws is a 500, and the server goes on", async () => {
    await using admin = await start({
      reasonsNotReady: () => {
        throw new Error("swordfish");
      },
    });
    const response = await fetch(`${admin.url}/readyz`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("swordfish");
    expect((await fetch(`${admin.url}/healthz`)).status).toBe(200);
  });

  test("a port that is in use is refused, with what to do", async () => {
    await using admin = await start();
    await expect(start({ port: admin.port })).rejects.toMatchObject({
      name: "PortInUseError",
      code: "EADDRINUSE",
      message: expect.stringContaining(`127.0.0.1:${admin.port} is in use`),
    });
  });

  test("close ends connections that are kept alive, and may be called twice", async () => {
    const admin = await start();
    await (await fetch(`${admin.url}/healthz`)).text();
    await admin.admin.close();
    await admin.admin.close();
    await expect(fetch(`${admin.url}/healthz`)).rejects.toThrow();
  });
});
