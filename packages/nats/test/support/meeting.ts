import type { BusReceiver } from "@carillon/core";
import { decodeEnvelope, encodeEnvelope } from "@carillon/protocol";
import type { NatsBus } from "../../src/index.ts";
import { bytes } from "./helpers.ts";

const REPEAT_MS = 100;
const ADDRESS = { appId: "app", channel: "meeting" };

/**
 * Where one node tells others that it has come so far. Servers of a cluster tell each other of interest and of messages by the same
 * connection, one behind the other: who hears the word is on a server that knows all interest that the node had before.
 */
export class Meeting {
  readonly #node: NatsBus;
  /** Of each word, who has not heard it yet. */
  readonly #missing = new Map<string, { readonly others: Set<NatsBus>; readonly met: () => void }>();
  readonly #others: NatsBus[] = [];
  #words = 0;

  constructor(node: NatsBus) {
    this.#node = node;
  }

  /** Has another node listen. */
  async join(bus: NatsBus): Promise<void> {
    this.#others.push(bus);
    const receiver: BusReceiver = {
      ...ADDRESS,
      receive: (envelope) => this.#heard(bus, decodeEnvelope(envelope)?.id ?? ""),
    };
    await bus.subscribe(receiver);
  }

  /** Resolves when all others have heard a word of the node. */
  async take(): Promise<void> {
    const id = `word-${this.#words++}`;
    const met = new Promise<void>((resolve) => {
      this.#missing.set(id, { others: new Set(this.#others), met: resolve });
    });
    const say = () =>
      this.#node.publish(ADDRESS, encodeEnvelope({ id, timeMs: 0, exclude: "", event: "met", payload: bytes("1") }));
    await say();
    // The first word may be said before the node's server knows that somebody listens.
    const again = setInterval(() => void say(), REPEAT_MS);
    await met;
    clearInterval(again);
  }

  #heard(bus: NatsBus, id: string): void {
    const word = this.#missing.get(id);
    if (word === undefined) return;
    word.others.delete(bus);
    if (word.others.size > 0) return;
    this.#missing.delete(id);
    word.met();
  }
}
