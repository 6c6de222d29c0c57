import type { Bus } from "@carillon/core";
import { expect } from "vitest";
import { RecordingReceiver } from "./describe-bus-receiver.ts";
import { eventually } from "./eventually.ts";

/** One backbone under test. */
export interface BusHarness {
  /** Adds a node, one that tells its receivers of traces; the suite closes it. */
  createNode(): Promise<Bus>;
  /** Cuts all nodes off, as a failure of the backbone would. Absent: this bus can't be cut off. */
  interrupt?(): Promise<void>;
  /** Ends {@link BusHarness.interrupt}. */
  restore?(): Promise<void>;
  /** Ends the backbone, after all nodes were closed. */
  close(): Promise<void>;
}

const encoder = new TextEncoder();

/** Text as bytes. */
export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** `["0", "1", …]`, each behind `prefix`. */
export function numbers(count: number, prefix = ""): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

/** What the tests of one suite share. */
export class BusSuite {
  readonly #createHarness: () => Promise<BusHarness>;
  #harness: BusHarness | undefined;
  readonly #nodes: Bus[] = [];
  #apps = 0;

  constructor(createHarness: () => Promise<BusHarness>) {
    this.#createHarness = createHarness;
  }

  get harness(): BusHarness {
    if (this.#harness === undefined) throw new Error("the harness has not started");
    return this.#harness;
  }

  async start(): Promise<void> {
    this.#harness = await this.#createHarness();
  }

  async node(): Promise<Bus> {
    const node = await this.harness.createNode();
    this.#nodes.push(node);
    return node;
  }

  /** An id that no other test uses. */
  app(): string {
    this.#apps++;
    return `app-${this.#apps}`;
  }

  async closeNodes(): Promise<void> {
    await Promise.all(this.#nodes.splice(0).map((node) => node.close()));
  }

  async stop(): Promise<void> {
    await this.#harness?.close();
  }
}

/** A receiver whose interest stands. */
export async function listen(bus: Bus, appId: string, channel: string): Promise<RecordingReceiver> {
  const receiver = new RecordingReceiver(appId, channel);
  await bus.subscribe(receiver);
  return receiver;
}

/** Resolves once all that `publisher` published before has reached `node`: envelopes of one connection don't overtake. */
export async function settle(publisher: Bus, node: Bus, appId: string): Promise<void> {
  const fence = new RecordingReceiver(appId, "fence");
  await node.subscribe(fence);
  await eventually(async () => {
    await publisher.publish(fence, bytes("fence"));
    expect(fence.envelopes).not.toEqual([]);
  });
  node.unsubscribe(fence);
}
