import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually, NativeClient, NatsServer } from "@carillon/testkit";
import { expect, test } from "vitest";
import { CarillonProcess } from "../test/support/carillon-process.ts";
import { writeConfig } from "../test/support/config-file.ts";

const configOf = (admission: string) => `
apps: [{ id: "1001", key: app-key, secrets: [app-secret] }]
gateway: { drain: { delaySeconds: 0, spreadSeconds: 0 }, admission: ${admission} }
`;

/** Loaded into a process: from SIGUSR2 to the next one its loop is held up, most of the time. */
const BLOCKER = `
let timer = null;
process.on("SIGUSR2", () => {
  if (timer !== null) {
    clearInterval(timer);
    timer = null;
    return;
  }
  timer = setInterval(() => {
    const endMs = performance.now() + 600;
    while (performance.now() < endMs);
  }, 1);
});
`;

test("a loop that is held up: nobody is taken in, not ready only when it lasts and there is another gateway, and all is well again", async () => {
  // With JetStream, so that nothing else is amiss.
  await using nats = await NatsServer.start({ jetStream: true });
  const file = await writeConfig(configOf("{ maxEventLoopLagMs: 300 }"));
  const blocker = join(file, "../blocker.mjs");
  await writeFile(blocker, BLOCKER);
  const args = ["--config", file, "--nats", nats.url];
  const start = () => CarillonProcess.start("gateway", args, { nodeArgs: ["--import", blocker] });
  await using busy = await start();
  await using client = await NativeClient.open(busy.webSocketUrl);
  busy.signal("SIGUSR2");
  await eventually(() => expect(NativeClient.connect(busy.webSocketUrl)).rejects.toThrow("503"), { timeoutMs: 30_000 });
  // It is alone: out of service it would help nobody.
  await eventually(async () => {
    expect(await busy.metric("carillon_upgrades_refused_total")).toBeGreaterThan(0);
    expect(await busy.readiness()).toMatchObject({ status: 200, degraded: [expect.stringContaining("event loop")] });
  });
  // Slow as it is, it serves the one that it has.
  expect(await client.request({ type: "ping" })).toMatchObject({ type: "pong" });

  await using other = await start();
  await eventually(async () => expect(await busy.readiness()).toMatchObject({ status: 503 }), { timeoutMs: 40_000 });
  expect((await busy.readiness()).reasons).toEqual([expect.stringContaining("event loop")]);
  expect(await other.readiness()).toMatchObject({ status: 200 });

  // The wave comes to the other one, too: neither is out of service then.
  other.signal("SIGUSR2");
  await eventually(
    async () => {
      const states = await Promise.all([busy.readiness(), other.readiness()]);
      expect(states).toEqual(
        [busy, other].map(() => expect.objectContaining({ status: 200, degraded: [expect.any(String)] })),
      );
    },
    { timeoutMs: 40_000 },
  );
  for (const each of [busy, other]) each.signal("SIGUSR2");
  await eventually(
    async () => {
      for (const each of [busy, other])
        expect(await each.readiness()).toEqual({ status: 200, ready: true, reasons: [] });
      await (await NativeClient.open(busy.webSocketUrl)).close();
    },
    { timeoutMs: 30_000 },
  );
}, 180_000);

test("memory over the limit: new clients get 503 and a time to come back, and the metrics say why", async () => {
  // Less than any process takes.
  const config = await writeConfig(configOf("{ maxMemoryBytes: 16MiB }"));
  await using carillon = await CarillonProcess.start("dev", ["--config", config]);
  await eventually(() => expect(NativeClient.connect(carillon.webSocketUrl)).rejects.toThrow("503"));
  const answer = await fetch(`${carillon.url}/poll`);
  expect([answer.status, await answer.json()]).toEqual([503, expect.objectContaining({ code: "overloaded" })]);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  expect(await carillon.readiness()).toMatchObject({ status: 200, degraded: [expect.stringContaining("memory")] });
  const metrics = await (await fetch(`${carillon.adminUrl}/metrics`)).text();
  expect(metrics).toMatch(/carillon_upgrades_refused_total\{reason="memory",role="dev"\} [1-9]/);
});

test("files over the limit that are no connections of clients: nobody is taken in, and it is not ready", async () => {
  // While its modules are loaded, more are open than will be later: it needs room for that.
  const config = await writeConfig(configOf("{ maxOpenFilesPercent: 25 }"));
  await using carillon = await CarillonProcess.start("dev", ["--config", config], { openFiles: 256 });
  const clients = await Promise.all(Array.from({ length: 60 }, () => NativeClient.open(carillon.webSocketUrl)));
  await eventually(async () =>
    expect(await carillon.readiness()).toMatchObject({ status: 503, reasons: [expect.stringContaining("files")] }),
  );
  await expect(NativeClient.connect(carillon.webSocketUrl)).rejects.toThrow("503");
  for (const client of clients) await client.close();
  await eventually(async () => expect(await carillon.readiness()).toMatchObject({ status: 200 }));
});
