import type { ClusterNode, Departure } from "./cluster.ts";

/** How often a node gives a sign of life, in ms. */
export const BEAT_MS = 1000;

/** A node of which nothing was heard for so long is held for lost, in ms: four beats. */
export const LOST_AFTER_MS = 4000;

/** A node that said goodbye is not taken back for this long by a beat that was under way, in ms. */
const GOODBYE_MS = 10_000;

/** Lost nodes that are known again when they come back: frozen ones, as a restarted process is another node. */
const MAX_LOST = 1000;

/** Who hears of changes. */
export interface PeersObserver {
  readonly onAppeared: (node: ClusterNode, wasLost: boolean) => void;
  readonly onGone: (node: ClusterNode, departure: Departure) => void;
}

interface Peer {
  node: ClusterNode;
  heardAtMs: number;
}

/** The other nodes, by what was heard of them. Knows no clock: it is told the time, in monotonic ms. */
export class Peers {
  readonly #observer: PeersObserver;
  readonly #peers = new Map<string, Peer>();
  readonly #goodbyes = new Map<string, number>();
  readonly #lost = new Set<string>();

  constructor(observer: PeersObserver) {
    this.#observer = observer;
  }

  /** The nodes that live. */
  get nodes(): ClusterNode[] {
    return [...this.#peers.values()].map(({ node }) => node);
  }

  /** A sign of life. */
  heard(node: ClusterNode, nowMs: number): void {
    if (this.#goodbyes.has(node.id)) return;
    const peer = this.#peers.get(node.id);
    if (peer !== undefined) {
      peer.node = node;
      peer.heardAtMs = nowMs;
      return;
    }
    this.#peers.set(node.id, { node, heardAtMs: nowMs });
    this.#observer.onAppeared(node, this.#lost.delete(node.id));
  }

  /** It has said goodbye. */
  left(id: string, nowMs: number): void {
    this.#goodbyes.set(id, nowMs);
    this.#remove(id, "left");
  }

  /** Lets go of those of whom nothing was heard for too long. Answers how many. */
  sweep(nowMs: number): number {
    let lost = 0;
    for (const [id, { heardAtMs }] of this.#peers) {
      if (nowMs - heardAtMs < LOST_AFTER_MS) continue;
      this.#noteLost(id);
      this.#remove(id, "lost");
      lost++;
    }
    for (const [id, atMs] of this.#goodbyes) if (nowMs - atMs >= GOODBYE_MS) this.#goodbyes.delete(id);
    return lost;
  }

  /** Nothing could be heard until now: everybody has the whole time again. */
  forgive(nowMs: number): void {
    for (const peer of this.#peers.values()) peer.heardAtMs = nowMs;
  }

  #noteLost(id: string): void {
    this.#lost.add(id);
    const [oldest] = this.#lost;
    if (this.#lost.size > MAX_LOST && oldest !== undefined) this.#lost.delete(oldest);
  }

  #remove(id: string, departure: Departure): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    this.#peers.delete(id);
    this.#observer.onGone(peer.node, departure);
  }
}
