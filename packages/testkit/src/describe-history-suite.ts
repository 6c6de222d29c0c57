import type {
  Bus,
  BusReceiver,
  ChannelAddress,
  HistoryLimits,
  HistoryQuery,
  HistoryStore,
  StreamStamp,
  TraceContext,
} from "@carillon/core";
import { expect } from "vitest";
import { eventually } from "./eventually.ts";

/** One node of a backbone with history. */
export interface HistoryNode {
  readonly bus: Bus;
  readonly history: HistoryStore;
}

/** One backbone with a store of histories under test. It keeps at least 50 publications of a channel for at least a minute. */
export interface HistoryHarness {
  /** Adds a node, one that tells its receivers of traces; the suite closes its bus. */
  createNode(): Promise<HistoryNode>;
  /** Lets this much time pass for the store. Absent: real time does. */
  passTime?(ms: number): void;
  /** Ends the backbone, after all nodes were closed. */
  close(): Promise<void>;
}

/** What rules of the suite's channels keep, unless a test says otherwise. */
export const LIMITS: HistoryLimits = { messages: 50, maxAgeMs: 60_000 };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What the tests of one suite share. */
export class HistorySuite {
  readonly #createHarness: () => Promise<HistoryHarness>;
  #harness: HistoryHarness | undefined;
  readonly #nodes: HistoryNode[] = [];
  #apps = 0;

  constructor(createHarness: () => Promise<HistoryHarness>) {
    this.#createHarness = createHarness;
  }

  get harness(): HistoryHarness {
    if (this.#harness === undefined) throw new Error("the harness has not started");
    return this.#harness;
  }

  async start(): Promise<void> {
    this.#harness = await this.#createHarness();
  }

  async node(): Promise<HistoryNode> {
    const node = await this.harness.createNode();
    this.#nodes.push(node);
    return node;
  }

  /** A channel that no other test uses. */
  channel(name = "c"): ChannelAddress {
    this.#apps++;
    return { appId: `app-${this.#apps}`, channel: name };
  }

  async closeNodes(): Promise<void> {
    await Promise.all(this.#nodes.splice(0).map(({ bus }) => bus.close()));
  }

  async stop(): Promise<void> {
    await this.#harness?.close();
  }
}

/** A receiver that keeps what it gets, with the stamps. */
export class StampedReceiver implements BusReceiver {
  readonly appId: string;
  readonly channel: string;
  readonly texts: string[] = [];
  readonly stamps: (StreamStamp | undefined)[] = [];
  readonly traces: (TraceContext | undefined)[] = [];

  constructor({ appId, channel }: ChannelAddress) {
    this.appId = appId;
    this.channel = channel;
  }

  receive(envelope: Uint8Array, stamp?: StreamStamp, trace?: TraceContext): void {
    this.texts.push(decoder.decode(envelope));
    this.stamps.push(stamp);
    this.traces.push(trace);
  }
}

/** A receiver whose interest stands. */
export async function hear(bus: Bus, address: ChannelAddress): Promise<StampedReceiver> {
  const receiver = new StampedReceiver(address);
  await bus.subscribe(receiver);
  return receiver;
}

/** Appends a text; the key is the text unless told otherwise. */
export function append(node: HistoryNode, address: ChannelAddress, text: string, key = text) {
  return node.history.append(address, encoder.encode(text), { limits: LIMITS, idempotencyKey: key });
}

/** Appends texts one behind the other; resolves with their offsets. */
export async function appendAll(
  node: HistoryNode,
  address: ChannelAddress,
  texts: readonly string[],
): Promise<number[]> {
  const results = await Promise.all(texts.map((text) => append(node, address, text)));
  return results.map(({ position }) => position.offset);
}

/** Reads with the suite's limits: forwards, from the oldest, up to 1,000. */
export function read(node: HistoryNode, address: ChannelAddress, query: Partial<HistoryQuery> = {}) {
  return node.history.read(address, { limits: LIMITS, since: null, limit: 1000, direction: "forward", ...query });
}

/** The texts of what was read. */
export function textsOf(page: { readonly publications: readonly { readonly envelope: Uint8Array }[] }): string[] {
  return page.publications.map(({ envelope }) => decoder.decode(envelope));
}

/** Resolves when the receiver has got this many. */
export async function whenHeard(receiver: StampedReceiver, count: number): Promise<void> {
  await eventually(() => expect(receiver.texts).toHaveLength(count));
}
