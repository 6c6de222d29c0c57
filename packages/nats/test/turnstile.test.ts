import { eventually } from "@carillon/testkit";
import { describe, expect, it } from "vitest";
import { defer } from "../src/deadline.ts";
import { Turnstile } from "../src/turnstile.ts";

describe("turnstile", () => {
  it("lets so many in at once, the others in their order, and turns away what is too many", async () => {
    const turnstile = new Turnstile({ atOnce: 2, waiting: 2 });
    const crowded = () => new Error("crowded");
    const gates = Array.from({ length: 5 }, () => defer<void>());
    const begun: number[] = [];
    const passes = gates.map(({ promise }, index) =>
      turnstile.pass(() => {
        begun.push(index);
        return promise;
      }, crowded),
    );
    await expect(passes[4]).rejects.toThrow("crowded");
    expect(begun).toEqual([0, 1]);
    gates[1]?.reject(new Error("failed"));
    await expect(passes[1]).rejects.toThrow("failed");
    gates[0]?.resolve();
    await eventually(() => expect(begun).toEqual([0, 1, 2, 3]));
    for (const { resolve } of gates) resolve();
    await Promise.all([passes[2], passes[3]]);
    await expect(turnstile.pass(async () => "free again", crowded)).resolves.toBe("free again");
  });
});
