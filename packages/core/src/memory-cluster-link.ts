import type { ClusterLink } from "./ports/cluster-link.ts";

type Receive = (message: Uint8Array) => void;

/** What the cluster links of one process share: the in-process stand-in for NATS. */
export class MemoryClusterBackbone {
  readonly #listeners = new Map<string, Receive>();

  add(nodeId: string, receive: Receive): void {
    this.#listeners.set(nodeId, receive);
  }

  remove(nodeId: string): void {
    this.#listeners.delete(nodeId);
  }

  /** Hands a copy to everybody but the sender, or to one node, in a later turn: as nobody hears at once over a network. */
  deliver(message: Uint8Array, to: { readonly all: string } | { readonly one: string }): void {
    const copy = new Uint8Array(message);
    void Promise.resolve().then(() => {
      if ("one" in to) {
        this.#listeners.get(to.one)?.(copy);
        return;
      }
      for (const [nodeId, receive] of [...this.#listeners]) if (nodeId !== to.all) receive(copy);
    });
  }
}

/** One process's cluster link where there is no NATS. */
export class MemoryClusterLink implements ClusterLink {
  readonly maxMessageBytes = 1_048_576;
  readonly #backbone: MemoryClusterBackbone;
  #nodeId: string | null = null;

  constructor(backbone: MemoryClusterBackbone) {
    this.#backbone = backbone;
  }

  async open(nodeId: string, receive: Receive): Promise<void> {
    this.#nodeId = nodeId;
    this.#backbone.add(nodeId, receive);
  }

  broadcast(message: Uint8Array): void {
    if (this.#nodeId !== null) this.#backbone.deliver(message, { all: this.#nodeId });
  }

  send(nodeId: string, message: Uint8Array): void {
    if (this.#nodeId !== null) this.#backbone.deliver(message, { one: nodeId });
  }

  close(): void {
    if (this.#nodeId !== null) this.#backbone.remove(this.#nodeId);
    this.#nodeId = null;
  }
}
