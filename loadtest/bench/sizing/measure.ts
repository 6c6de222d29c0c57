import { setTimeout as delay } from "node:timers/promises";
import type { Position } from "@carillon/core";
import { APP_ID, fillHistories } from "../history-filler.ts";
import { percentile } from "../statistics.ts";
import type { SizingOptions } from "./options.ts";
import type { SizingResult, Step } from "./report.ts";
import { LIMITS, StoreUnderTest } from "./store-under-test.ts";

/** How long JetStream remembers the ids of publishes, with some seconds for it to let go of them. */
const WINDOW_MS = 125_000;

const COLD_READS = 200;

/** Fills a store, and looks at it on the way, after a restart and after a crash. Some minutes. */
export async function measureSizing(options: SizingOptions, tell: (text: string) => void): Promise<SizingResult> {
  await using store = await StoreUnderTest.start();
  const { channels, events } = options;
  const look = async (title: string, messages: number, seconds: number | null): Promise<Step> => {
    const step = { title, messages, seconds, residentKib: store.residentKib, diskBytes: await store.diskBytes() };
    tell(
      `${title}: ${Math.round(step.residentKib / 1024)} MiB of memory${seconds === null ? "" : `, ${seconds.toFixed(1)} s`}`,
    );
    return step;
  };
  const sample = new Map<number, Position>();
  const fill = (first: number, perChannel: number) => timedFill(store, options, { first, perChannel, sample });
  const all = channels * events;

  await readMissed(store, 0, { epoch: "none", offset: 0 });
  const empty = await look("nothing yet", 0, null);
  const few = await look("1 event on each channel", channels, await fill(1, 1));
  const many = await look(`${events} events on each`, all, await fill(2, events - 1));
  if (options.waits) await delay(WINDOW_MS);
  const later = options.waits ? await look("two minutes later: ids of publishes forgotten", all, null) : null;
  const restarted = await look("stopped and started again", all, await store.restart("asked"));
  const times: number[] = [];
  for (const [channel, position] of sample) times.push(await timed(() => readMissed(store, channel, position)));
  const read = await look(`after ${times.length} cold reads`, all, null);
  const crashed = await look("killed and started again", all, await store.restart("crash"));
  const coldReads = {
    count: times.length,
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    maxMs: percentile(times, 1),
  };
  const { payloadBytes } = options;
  return { channels, events, payloadBytes, empty, few, many, later, restarted, read, crashed, coldReads };
}

interface Part {
  readonly first: number;
  readonly perChannel: number;
  /** Positions behind the first event of some channels, which are read later. */
  readonly sample: Map<number, Position>;
}

/** Resolves with the seconds that it took. */
async function timedFill(
  { bus }: StoreUnderTest,
  { channels, payloadBytes }: SizingOptions,
  { first, perChannel, sample }: Part,
): Promise<number> {
  const every = Math.ceil(channels / COLD_READS);
  const onKept = (channel: number, number: number, position: Position): void => {
    if (number === 1 && channel % every === 0) sample.set(channel, position);
  };
  const filling = { bus, channels, channelName, first, perChannel, payloadBytes, limits: LIMITS, onKept };
  return (await timed(() => fillHistories(filling))) / 1000;
}

async function readMissed({ bus }: StoreUnderTest, channel: number, since: Position): Promise<void> {
  const address = { appId: APP_ID, channel: channelName(channel) };
  const page = await bus.history.read(address, { limits: LIMITS, since, limit: 500, direction: "forward" });
  if (since.offset > 0 && !page.isReachable) throw new Error("what was kept could not be recovered");
}

async function timed(act: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await act();
  return performance.now() - began;
}

function channelName(index: number): string {
  return `bench-${String(index).padStart(6, "0")}`;
}
