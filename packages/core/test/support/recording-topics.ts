import type { TopicTree, Transport, WriteResult } from "@carillon/core";

const decoder = new TextDecoder();

/** A topic tree in memory, which notes each publish. */
export class RecordingTopics implements TopicTree {
  readonly publishes: {
    readonly topic: string;
    readonly frame: Uint8Array;
    readonly sender: RecordingTransport | null;
  }[] = [];
  readonly #members = new Map<string, Set<RecordingTransport>>();

  publish(topic: string, frame: Uint8Array): void {
    this.send({ topic, frame, sender: null });
  }

  send(publish: { topic: string; frame: Uint8Array; sender: RecordingTransport | null }): void {
    const { topic, frame, sender } = publish;
    this.publishes.push({ topic, frame, sender });
    for (const member of this.#members.get(topic) ?? []) {
      // The frame may be reused once the call returned.
      if (member !== sender) member.receive(frame.slice());
    }
  }

  join(topic: string, member: RecordingTransport): void {
    const members = this.#members.get(topic) ?? new Set();
    this.#members.set(topic, members.add(member));
  }

  leave(topic: string, member: RecordingTransport): void {
    const members = this.#members.get(topic);
    members?.delete(member);
    if (members?.size === 0) this.#members.delete(topic);
  }

  leaveAll(member: RecordingTransport): void {
    for (const topic of [...this.#members.keys()]) this.leave(topic, member);
  }

  /** Topics that somebody has joined. */
  get topics(): string[] {
    return [...this.#members.keys()];
  }
}

/** A connection's way out that keeps every frame. */
export class RecordingTransport implements Transport {
  readonly bufferedBytes = 0;
  readonly remoteAddress = "127.0.0.1";
  readonly peerAddress = "127.0.0.1";
  /** What the client got, as text. */
  readonly texts: string[] = [];
  readonly closes: { readonly code: number; readonly reason: string }[] = [];
  readonly #topics: RecordingTopics;
  #isOpen = true;

  constructor(topics: RecordingTopics) {
    this.#topics = topics;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  write(data: string | Uint8Array): WriteResult {
    if (!this.#isOpen) return "closed";
    this.receive(data);
    return "sent";
  }

  writeAll(frames: readonly (string | Uint8Array)[]): void {
    for (const frame of frames) this.write(frame);
  }

  receive(frame: string | Uint8Array): void {
    this.texts.push(typeof frame === "string" ? frame : decoder.decode(frame));
  }

  joinTopic(topic: string): void {
    if (this.#isOpen) this.#topics.join(topic, this);
  }

  leaveTopic(topic: string): void {
    this.#topics.leave(topic, this);
  }

  publishToOthers(topic: string, frame: Uint8Array): void {
    if (this.#isOpen) this.#topics.send({ topic, frame, sender: this });
  }

  close(code: number, reason: string): void {
    if (this.#isOpen) this.closes.push({ code, reason });
    this.terminate();
  }

  terminate(): void {
    this.#isOpen = false;
    this.#topics.leaveAll(this);
  }
}
