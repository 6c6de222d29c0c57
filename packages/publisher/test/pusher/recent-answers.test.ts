import type { HttpAnswer } from "@carillon/service";
import { FakeClock } from "@carillon/testkit";
import { expect, it } from "vitest";
import { FRESH_MS, RecentAnswers } from "../../src/pusher/recent-answers.ts";

/** Counts how often it is asked, and answers when it is told to. */
class Source {
  asked = 0;
  readonly #waiting: ((answer: HttpAnswer) => void)[] = [];

  readonly make = (): Promise<HttpAnswer> => {
    this.asked++;
    return new Promise((resolve) => this.#waiting.push(resolve));
  };

  answer(body = "{}", status = 200): void {
    for (const resolve of this.#waiting.splice(0)) resolve({ status, body });
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("recent answers › any number of askers at once make one question", async () => {
  const [clock, source] = [new FakeClock(0), new Source()];
  const recent = new RecentAnswers(clock);
  const asked = Array.from({ length: 50 }, () => recent.get("q", source.make));
  clock.advance(10 * FRESH_MS);
  asked.push(recent.get("q", source.make));
  source.answer("first");
  expect(new Set((await Promise.all(asked)).map(({ body }) => body))).toEqual(new Set(["first"]));
  expect(source.asked).toBe(1);
});

it("recent answers › an answer is given again for a second, then no more", async () => {
  const [clock, source] = [new FakeClock(0), new Source()];
  const recent = new RecentAnswers(clock);
  void recent.get("q", source.make);
  source.answer("first");
  await turn();
  clock.advance(FRESH_MS - 1);
  expect(await recent.get("q", source.make)).toMatchObject({ body: "first" });
  clock.advance(1);
  void recent.get("q", source.make);
  void recent.get("other", source.make);
  expect(source.asked).toBe(3);
});

it("recent answers › refusals and failures are not kept", async () => {
  const [clock, source] = [new FakeClock(0), new Source()];
  const recent = new RecentAnswers(clock);
  void recent.get("q", source.make);
  source.answer("away", 503);
  await turn();
  await expect(recent.get("q", () => Promise.reject(new Error("a bug")))).rejects.toThrow("a bug");
  await turn();
  void recent.get("q", source.make);
  expect(source.asked).toBe(2);
});

it("recent answers › the oldest go where there are too many, or too large ones", async () => {
  const [clock, source] = [new FakeClock(0), new Source()];
  const recent = new RecentAnswers(clock);
  const fill = async (name: string, count: number, body: string) => {
    for (let index = 0; index < count; index++) void recent.get(`${name}-${index}`, source.make);
    source.answer(body);
    await turn();
  };
  await fill("small", 1001, "{}");
  void recent.get("small-0", source.make);
  void recent.get("small-1000", source.make);
  expect(source.asked).toBe(1002);
  source.answer();
  await turn();
  const mebibyte = "x".repeat(1024 * 1024);
  await fill("large", 20, mebibyte);
  const before = source.asked;
  void recent.get("large-0", source.make);
  void recent.get("large-19", source.make);
  expect(source.asked).toBe(before + 1);
});
