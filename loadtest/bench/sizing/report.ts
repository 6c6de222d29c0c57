import { table } from "../table.ts";

/** The store after a step. */
export interface Step {
  readonly title: string;
  readonly messages: number;
  readonly residentKib: number;
  readonly diskBytes: number;
  /** What the step took, in seconds; null where that means nothing. */
  readonly seconds: number | null;
}

/** What a run of the sizing found. */
export interface SizingResult {
  readonly channels: number;
  readonly events: number;
  readonly payloadBytes: number;
  readonly empty: Step;
  /** One event on each channel. */
  readonly few: Step;
  /** All events on each. */
  readonly many: Step;
  /** When the ids of publishes are forgotten; null when it was not waited for. */
  readonly later: Step | null;
  readonly restarted: Step;
  readonly read: Step;
  readonly crashed: Step;
  /** Times of cold reads of single channels, in ms. */
  readonly coldReads: {
    readonly count: number;
    readonly p50Ms: number;
    readonly p99Ms: number;
    readonly maxMs: number;
  };
}

/** What follows for other sizes, in bytes; slopes, so that the server's own size cancels out. */
export interface RuleOfThumb {
  readonly diskPerMessage: number;
  /** Of memory while it is written: index, ids, caches and what the Go runtime keeps in reserve. */
  readonly writingPerMessage: number;
  /** The part of that which is gone when the ids are forgotten; null when that was not waited for. */
  readonly idsPerMessage: number | null;
  /** Of memory once many channels were read. */
  readonly readingPerMessage: number;
  readonly writesPerSecond: number;
}

const KIB = 1024;

/** The rule of thumb that a run supports. */
export function ruleOfThumb({ empty, few, many, later, read }: SizingResult): RuleOfThumb {
  const added = many.messages - few.messages;
  const memoryPerMessage = (from: Step, to: Step) => ((to.residentKib - from.residentKib) * KIB) / many.messages;
  return {
    diskPerMessage: (many.diskBytes - few.diskBytes) / added,
    writingPerMessage: memoryPerMessage(empty, many),
    idsPerMessage: later === null ? null : memoryPerMessage(later, many),
    readingPerMessage: memoryPerMessage(empty, read),
    writesPerSecond: added / (many.seconds ?? Number.NaN),
  };
}

/** The run as Markdown. */
export function sizingTable(result: SizingResult): string {
  const steps = [result.empty, result.few, result.many, result.later, result.restarted, result.read, result.crashed];
  const rows = steps.flatMap((step) => (step === null ? [] : [rowOf(step)]));
  const { coldReads, channels, events, payloadBytes } = result;
  return [
    `${number(channels)} channels with ${events} events of ${payloadBytes} bytes each, one nats-server, four streams on files.`,
    table(["step", "messages kept", "nats-server RSS, MiB", "disk, MiB", "seconds"], rows),
    `A cold read of the ${events - 1} newest events of one channel, ${coldReads.count} channels, right after the restart, one after the other: ` +
      `p50 ${coldReads.p50Ms.toFixed(1)} ms, p99 ${coldReads.p99Ms.toFixed(1)} ms, longest ${coldReads.maxMs.toFixed(1)} ms ` +
      "(nats-server reads its files anew then).",
    ruleLines(ruleOfThumb(result), payloadBytes).join("\n"),
  ].join("\n\n");
}

function ruleLines(rule: RuleOfThumb, payloadBytes: number): readonly string[] {
  const ids =
    rule.idsPerMessage === null
      ? ""
      : `, ${number(rule.idsPerMessage)} of them only for two minutes (ids of publishes)`;
  return [
    `- Disk: ${number(rule.diskPerMessage)} bytes a message of ${payloadBytes} bytes.`,
    `- Memory of nats-server while it is written: ${number(rule.writingPerMessage)} bytes a message${ids}.`,
    `- Memory once many channels have been read: ${number(rule.readingPerMessage)} bytes a message.`,
    `- Writing, by one process: ${number(rule.writesPerSecond)} events a second.`,
  ];
}

function rowOf({ title, messages, residentKib, diskBytes, seconds }: Step): readonly string[] {
  return [
    title,
    number(messages),
    number(residentKib / KIB),
    number(diskBytes / KIB / KIB),
    seconds === null ? "" : seconds.toFixed(1),
  ];
}

function number(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 0 });
}
