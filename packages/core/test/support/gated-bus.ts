import {
  type Bus,
  type BusPublishOptions,
  type BusPublishResult,
  type BusReceiver,
  type BusStatus,
  BusUnavailableError,
  type ChannelAddress,
  type MemoryBus,
} from "@carillon/core";

interface WaitingSubscribe {
  readonly receiver: BusReceiver;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** A memory bus whose subscribes wait while a test says so, and which notes every call. */
export class GatedBus implements Bus {
  /** While true, subscribes wait for {@link settle}. */
  isSlow = false;
  /** While true, publishes are refused as by a bus that is away. */
  isAway = false;
  readonly log: { readonly act: "subscribe" | "unsubscribe"; readonly receiver: BusReceiver }[] = [];
  /** Receivers that have interest, whoever noted it. */
  readonly held = new Set<BusReceiver>();
  readonly #waiting: WaitingSubscribe[] = [];
  readonly #memory: MemoryBus;

  constructor(memory: MemoryBus) {
    this.#memory = memory;
  }

  get status(): BusStatus {
    return this.#memory.status;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  async subscribe(receiver: BusReceiver): Promise<void> {
    this.log.push({ act: "subscribe", receiver });
    if (this.isSlow) await new Promise<void>((resolve, reject) => this.#waiting.push({ receiver, resolve, reject }));
    if (this.log.some(({ act, receiver: other }) => act === "unsubscribe" && other === receiver)) return;
    this.held.add(receiver);
    await this.#memory.subscribe(receiver);
  }

  /** Lets a waiting subscribe come to its end (the oldest unless told); undefined when none waits. */
  settle(outcome: "stands" | "refused", index = 0): BusReceiver | undefined {
    const [waiting] = this.#waiting.splice(index, 1);
    if (outcome === "stands") waiting?.resolve();
    else waiting?.reject(new BusUnavailableError("the bus did not answer in time"));
    return waiting?.receiver;
  }

  unsubscribe(receiver: BusReceiver): void {
    this.log.push({ act: "unsubscribe", receiver });
    this.held.delete(receiver);
    this.#memory.unsubscribe(receiver);
  }

  async publish(address: ChannelAddress, envelope: Uint8Array, options?: BusPublishOptions): Promise<BusPublishResult> {
    if (this.isAway) throw new BusUnavailableError("NATS can't be reached");
    return this.#memory.publish(address, envelope, options);
  }

  onStatus(listener: (status: BusStatus) => void): () => void {
    return this.#memory.onStatus(listener);
  }

  onDoubt(): () => void {
    return this.#memory.onDoubt();
  }

  close(): Promise<void> {
    return this.#memory.close();
  }
}
