import { decodeEnvelope } from "@carillon/protocol";
import { eventually, NatsCluster, NatsServer, RecordingReceiver } from "@carillon/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { connectNatsBus, type NatsBus } from "../src/index.ts";
import { RESTLESS } from "./support/auto-interest.ts";
import { connectionNamed, envelope, listen } from "./support/helpers.ts";
import { NumberedPublisher } from "./support/numbered-publisher.ts";
import { channelsIn } from "./support/partitions.ts";
import { RecordingLog } from "./support/recording-log.ts";

const CHANNELS = 120;
const PARTITIONS_IN_USE = 4;

/** What a receiver got, and from which number to which it must have. */
interface Visit {
  readonly receiver: RecordingReceiver;
  readonly channel: number;
  readonly from: number;
  until: number | null;
}

function numbersOf({ envelopes }: RecordingReceiver): number[] {
  return envelopes.map((each) => Number(decodeEnvelope(each)?.id));
}

/** The law: nothing missing, doubled or overtaken between the first and the last, and the first is no later than promised. */
function assertLaw({ receiver, from, until }: Visit): void {
  const numbers = numbersOf(receiver);
  const [first = from] = numbers;
  expect(first).toBeLessThanOrEqual(from);
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => first + index));
  if (until !== null) expect(first + numbers.length - 1).toBeGreaterThanOrEqual(until);
}
