import { OutFrame } from "./out-frame.ts";

/** Who gets what is published on a topic, and is no WebSocket. */
export interface TopicListener {
  /** Called for each publication. Must neither throw nor close anything before it returns. */
  onPublished(frame: OutFrame): void;
}

/** The listeners of a node's topics that uWebSockets.js doesn't know. */
export class TopicListeners {
  readonly #byTopic = new Map<string, Set<TopicListener>>();

  /** Idempotent. */
  join(topic: string, listener: TopicListener): void {
    const listeners = this.#byTopic.get(topic);
    if (listeners === undefined) this.#byTopic.set(topic, new Set([listener]));
    else listeners.add(listener);
  }

  /** Idempotent. */
  leave(topic: string, listener: TopicListener): void {
    const listeners = this.#byTopic.get(topic);
    if (listeners?.delete(listener) === true && listeners.size === 0) this.#byTopic.delete(topic);
  }

  /** Brings a frame to all who listen, but `except`. It is copied once, and not at all where nobody listens. */
  publish(topic: string, frame: Uint8Array, except?: TopicListener): void {
    const listeners = this.#byTopic.get(topic);
    if (listeners === undefined) return;
    const out = new OutFrame(frame.slice());
    for (const listener of listeners) if (listener !== except) listener.onPublished(out);
  }
}
