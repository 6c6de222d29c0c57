import { expect, it } from "vitest";
import { Breaker } from "../src/breaker.ts";
import { defer } from "../src/deadline.ts";

it("breaker › after a failure one at a time is let through, until one succeeds or something has changed", async () => {
  const breaker = new Breaker();
  const refused = () => new Error("refused");
  const run = (act: () => Promise<string>) => breaker.run(act, refused);
  const fail = () => Promise.reject(new Error("failed"));
  await expect(Promise.all([run(async () => "a"), run(async () => "b")])).resolves.toEqual(["a", "b"]);
  await expect(run(fail)).rejects.toThrow("failed");

  const probe = defer<string>();
  const first = run(() => probe.promise);
  await expect(run(async () => "c")).rejects.toThrow("refused");
  probe.reject(new Error("still away"));
  await expect(first).rejects.toThrow("still away");

  const second = defer<string>();
  const probing = run(() => second.promise);
  breaker.reset();
  await expect(run(async () => "d")).resolves.toBe("d");
  second.resolve("e");
  await expect(probing).resolves.toBe("e");
  await expect(Promise.all([run(async () => "f"), run(async () => "g")])).resolves.toEqual(["f", "g"]);
});
