import { type Frame, NativeClient } from "@carillon/testkit";
import type { CarillonProcess } from "./carillon-process.ts";

/** A client that follows one channel over many connections, as a careful application would: by its last position. */
export class Follower {
  readonly #channel: string;
  /** Deliveries of the connections before this one. */
  readonly #before: Frame[] = [];
  #client: NativeClient | null = null;
  #joinedAt: string | null = null;

  constructor(channel: string) {
    this.#channel = channel;
  }

  /** Connects to a gateway and subscribes, with the last position where there is one; resolves with the reply. */
  async join(gateway: CarillonProcess): Promise<Frame> {
    await this.drop();
    const recover = this.position;
    const client = await NativeClient.open(gateway.webSocketUrl);
    this.#client = client;
    const command = { type: "subscribe", channel: this.#channel, ...(recover === null ? {} : { recover }) };
    const reply = await client.request(command);
    if (reply["type"] !== "subscribed") throw new Error(`subscribe was answered ${JSON.stringify(reply)}`);
    if (reply["recovered"] !== true) this.#joinedAt = String(reply["position"]);
    return reply;
  }

  /** Cuts the connection without a word. */
  async drop(): Promise<void> {
    if (this.#client === null) return;
    this.#client.terminate();
    await this.#client.closed;
    this.#before.push(...this.#client.frames.filter(isDelivery));
    this.#client = null;
  }

  /** The connection it has now. */
  get client(): NativeClient {
    if (this.#client === null) throw new Error("the follower is not connected");
    return this.#client;
  }

  /** The last position that it knows; null before it ever joined. */
  get position(): string | null {
    const last = this.#deliveries.at(-1)?.["position"];
    return typeof last === "string" ? last : this.#joinedAt;
  }

  /** Payloads of everything it got, on all of its connections. */
  get payloads(): readonly unknown[] {
    return this.#deliveries.map((frame) => frame["payload"]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drop();
  }

  get #deliveries(): readonly Frame[] {
    return [...this.#before, ...(this.#client?.frames.filter(isDelivery) ?? [])];
  }
}

function isDelivery(frame: Frame): boolean {
  return frame["type"] === undefined;
}
