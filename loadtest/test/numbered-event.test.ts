import { expect, test } from "vitest";
import {
  isDelivery,
  isGenuine,
  NUMBERED_CHANNEL,
  numberedBody,
  numberIn,
  positionIn,
  sentUsIn,
} from "../bench/generator/numbered-event.ts";
import { nowUs } from "../bench/generator/payload.ts";
import { sumOfMetric } from "../bench/metrics.ts";

const frameOf = (number: number) => numberedBody(number).replace(/\}$/, `,"position":"abc-_9:${number * 7}"}`);

test("numbered event › number, time and position are found in a delivered frame, wherever it stands in a read", () => {
  const beforeUs = nowUs();
  const frame = frameOf(1_234_567);
  const bytes = Buffer.from(`??${frame}??`);
  expect(isDelivery(bytes, 2)).toBe(true);
  expect(numberIn(bytes, 2)).toBe(1_234_567);
  expect(sentUsIn(bytes, 2)).toBeGreaterThanOrEqual(beforeUs);
  expect(sentUsIn(bytes, 2)).toBeLessThanOrEqual(nowUs());
  expect(positionIn(frame)).toBe("abc-_9:8641969");
  expect(positionIn(numberedBody(1))).toBe("");
});

test("numbered event › all bodies are equally long, and valid JSON for the publish API", () => {
  expect(new Set([1, 99, 12_345_678].map((number) => numberedBody(number).length)).size).toBe(1);
  expect(JSON.parse(numberedBody(3))).toMatchObject({ channel: NUMBERED_CHANNEL, payload: { number: "00000003" } });
});

test("numbered event › another number, or another payload, is not genuine; replies are no deliveries", () => {
  expect(isGenuine(frameOf(5), 5)).toBe(true);
  expect(isGenuine(frameOf(5), 6)).toBe(false);
  expect(isGenuine(frameOf(5).replace("xx", "xy"), 5)).toBe(false);
  expect(isDelivery(Buffer.from('{"type":"subscribed"}'), 0)).toBe(false);
});

test("metrics › the samples of one metric are summed up, and those of longer names left out", () => {
  const text = [
    "# TYPE reads_total counter",
    'reads_total{role="gateway",outcome="answered"} 4',
    'reads_total{role="gateway",outcome="failed"} 1',
    "reads_total_other 99",
    "lag_seconds 0.25",
  ].join("\n");
  expect(sumOfMetric(text, "reads_total")).toBe(5);
  expect(sumOfMetric(text, "lag_seconds")).toBe(0.25);
  expect(sumOfMetric(text, "missing")).toBe(0);
});
