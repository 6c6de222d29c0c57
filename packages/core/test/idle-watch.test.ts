import { IdleWatch, type Watched } from "@carillon/core";
import { FakeClock } from "@carillon/testkit";
import fc from "fast-check";
import { expect, it } from "vitest";
import { START_MS } from "./support/test-node.ts";

const TIMEOUT_MS = 7000;

class Subject implements Watched {
  heardAtMs: number;
  silentAtMs: number | null = null;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
    this.heardAtMs = clock.monotonic();
  }

  hear(): void {
    this.heardAtMs = this.#clock.monotonic();
  }

  onSilent(): void {
    this.silentAtMs = this.#clock.monotonic();
  }
}

it("P11 › IdleWatch › notices silence within a second after the timeout, and never a connection that was heard", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 9000 }), { maxLength: 12 }), (gaps) => {
      const clock = new FakeClock(START_MS);
      const watch = new IdleWatch({ clock, timeoutMs: TIMEOUT_MS });
      const [subject, gone] = [new Subject(clock), new Subject(clock)];
      watch.add(subject);
      watch.add(gone);
      watch.remove(gone);
      for (const gap of gaps) {
        for (let passed = 0; passed < gap; passed += 100) clock.advance(Math.min(100, gap - passed));
        if (subject.silentAtMs !== null) break;
        expect(gap).toBeLessThan(TIMEOUT_MS + 1000);
        subject.hear();
      }
      for (let passed = 0; passed < 9000 && subject.silentAtMs === null; passed += 100) clock.advance(100);
      const silentMs = (subject.silentAtMs ?? Number.NaN) - subject.heardAtMs;
      expect(silentMs).toBeGreaterThanOrEqual(TIMEOUT_MS);
      expect(silentMs).toBeLessThanOrEqual(TIMEOUT_MS + 1000);
      expect(gone.silentAtMs).toBeNull();
      watch.close();
      expect(clock.pendingTimers).toBe(0);
    }),
  );
});
