import { eventually, NativeClient } from "@carillon/testkit";
import { expect, test } from "vitest";
import { CarillonProcess } from "./support/carillon-process.ts";

// As many systems have it. With much fewer, what a process has open besides would reach the limit of 95 % that admission has.
const OPEN_FILES = 1024;
const ROOM = Math.floor(OPEN_FILES * 0.9);
const CLIENTS = 1000;

test("more clients than open files › 503 for those beyond, no spinning, those inside undisturbed, and room again later", async () => {
  await using carillon = await CarillonProcess.start("dev", [], { openFiles: OPEN_FILES });
  const open: NativeClient[] = [];
  const refusals: string[] = [];
  for (let index = 0; index < CLIENTS; index++) {
    try {
      open.push(await NativeClient.open(carillon.webSocketUrl));
    } catch (error) {
      refusals.push(String(error));
    }
  }
  expect(open).toHaveLength(ROOM);
  expect(refusals).toHaveLength(CLIENTS - ROOM);
  expect(refusals.every((refusal) => refusal.includes("503"))).toBe(true);
  await eventually(async () => {
    const readiness = await fetch(`${carillon.adminUrl}/readyz`);
    expect([readiness.status, await readiness.text()]).toEqual([503, expect.stringContaining("as many connections")]);
  });

  const [first] = open as [NativeClient];
  expect(await first.request({ type: "ping" })).toMatchObject({ type: "pong" });

  // A process that spins uses a core; how much this one uses can only be seen over some time.
  const before = await carillon.cpuSeconds();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect((await carillon.cpuSeconds()) - before).toBeLessThan(0.5);

  await open.pop()?.close();
  const another = await eventually(() => NativeClient.open(carillon.webSocketUrl));
  for (const client of [...open, another]) client.terminate();
});
