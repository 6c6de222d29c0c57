import { describe, expect, test } from "vitest";
import { DIALECTS } from "../bench/generator/dialect.ts";
import { publishBody } from "../bench/generator/payload.ts";

const CHANNEL = "bench-shared";

/** The frame that a subscriber gets of a publish. */
const FRAMES = {
  native: (body: string) => body,
  pusher: (body: string) => {
    const { channel, event, payload } = JSON.parse(body) as Record<string, unknown>;
    return JSON.stringify({ event, channel, data: JSON.stringify(payload) });
  },
} as const;

describe.each(["native", "pusher"] as const)("dialect %s", (name) => {
  const dialect = DIALECTS[name];

  test("finds in a delivered frame how long it was under way", () => {
    const latencyUs = dialect.latencyOf(FRAMES[name](publishBody(CHANNEL)), CHANNEL);
    expect(latencyUs).toBeGreaterThanOrEqual(0);
  });

  test("a frame of another channel, with another payload, or of another kind is not what was published", () => {
    const frame = FRAMES[name](publishBody(CHANNEL));
    expect(dialect.latencyOf(frame, "bench-other")).toBeNull();
    expect(dialect.latencyOf(frame.replace("xx", "xy"), CHANNEL)).toBeNull();
    expect(dialect.latencyOf("{}", CHANNEL)).toBeNull();
  });

  test("its subscribe fits a short frame and is answered by what the other dialect doesn't take for an answer", () => {
    expect(JSON.parse(dialect.subscribe(CHANNEL))).toBeTypeOf("object");
    expect(dialect.subscribe(CHANNEL).length).toBeLessThanOrEqual(125);
    const answers = {
      native: `{"type":"subscribed","channel":"${CHANNEL}"}`,
      pusher: `{"event":"pusher_internal:subscription_succeeded","channel":"${CHANNEL}","data":"{}"}`,
    };
    expect(DIALECTS[name].isSubscribed(answers[name])).toBe(true);
    expect(DIALECTS[name].isSubscribed(answers[name === "native" ? "pusher" : "native"])).toBe(false);
  });
});
