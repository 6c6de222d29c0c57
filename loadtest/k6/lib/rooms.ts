import { hmac } from "k6/crypto";
import { clearInterval, setInterval } from "k6/timers";
import type { Channels } from "./channels.ts";
import type { Client } from "./client.ts";
import type { Subscription } from "./dialect.ts";
import { CLIENT_EVENT } from "./incoming.ts";
import type { Meter } from "./meter.ts";
import { numberedText } from "./numbered.ts";
import type { LoadSettings } from "./settings.ts";
import type { Share } from "./share.ts";

const ROOM_SIZE = 10;
const TICK_MS = 100;
/** Client events a second of one client: below what a gateway allows by default. */
const EVENTS_PER_SECOND = 1;
const HISTORY_LIMIT = 10;

interface PhaseOptions {
  readonly phase: number;
  readonly seconds: number;
  readonly clients: readonly Client[];
}

/** Small groups of clients who see each other: a private channel with client events, and a presence channel. Only in `mixed`. */
export class Rooms {
  readonly #settings: LoadSettings;
  readonly #channels: Channels;
  readonly #isOpen: boolean;
  readonly #sent = new Map<number, number>();
  #timer: number | null = null;

  constructor({ settings, channels }: { readonly settings: LoadSettings; readonly channels: Channels }) {
    this.#settings = settings;
    this.#channels = channels;
    this.#isOpen = settings.scenario === "mixed";
  }

  /** The room of a crowd's client: all of a room belong to one crowd, and the number is that of its first client. */
  roomOf({ first }: Share, local: number): number {
    return first + local - (local % ROOM_SIZE);
  }

  /** What a client is subscribed to because of its room. */
  subscriptionsOf({ room, index, connectionId }: Client): readonly Subscription[] {
    if (!this.#isOpen) return [];
    const [inRoom, presence] = [this.#channels.room(room), this.#channels.presence(room)];
    const data = JSON.stringify({ user_id: String(index) });
    return [
      { channel: inRoom, token: this.#sign(`${connectionId}:${inRoom}`) },
      { channel: presence, token: this.#sign(`${connectionId}:${presence}:${data}`), data },
    ];
  }

  /** How many events of others a client should have got in this phase. The first of a room is the one who sends. */
  expectedOf({ room, index }: Client): number {
    return room === index ? 0 : (this.#sent.get(room) ?? 0);
  }

  /** Forgets the phase before. */
  reset(): void {
    this.stop();
    this.#sent.clear();
  }

  /** Begins to send client events. */
  start({ phase, seconds, clients }: PhaseOptions): void {
    const senders = clients.filter(({ room, index }) => room === index);
    const beganMs = Date.now();
    let sent = 0;
    this.#timer = setInterval(() => {
      const passedMs = Date.now() - beganMs;
      if (passedMs >= seconds * 1_000) {
        this.stop();
        return;
      }
      const due = Math.floor((passedMs / 1_000) * EVENTS_PER_SECOND * senders.length);
      for (; sent < due; sent++) this.#send(senders[sent % senders.length], phase);
    }, TICK_MS);
  }

  /** Sends nothing more. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Asks who is there, and, where there is a history, for its newest events. */
  ask(clients: readonly Client[]): void {
    for (const client of clients) {
      client.send(JSON.stringify({ type: "presence", channel: this.#channels.presence(client.room), limit: 1 }));
      if (!this.#settings.hasHistory || client.room !== client.index) continue;
      client.send(
        JSON.stringify({
          type: "history",
          channel: this.#channels.shared,
          limit: HISTORY_LIMIT,
          direction: "backward",
        }),
      );
    }
  }

  /** Counts clients who were told wrong. */
  judge(clients: readonly Client[], meter: Meter): void {
    const sizes = new Map<number, number>();
    for (const { room } of clients) sizes.set(room, (sizes.get(room) ?? 0) + 1);
    for (const { room, index, memberCount, historyCount } of clients) {
      if (memberCount !== sizes.get(room)) meter.count("malformed");
      if (this.#settings.hasHistory && room === index && historyCount === 0) meter.count("malformed");
    }
  }

  #send(client: Client | undefined, phase: number): void {
    if (client?.isReady !== true) return;
    const number = (this.#sent.get(client.room) ?? 0) + 1;
    this.#sent.set(client.room, number);
    const numbered = { kind: "C", phase, number, atMs: Date.now(), target: client.room } as const;
    const payload = numberedText(numbered, this.#settings.payloadBytes);
    client.send(
      JSON.stringify({ type: "publish", channel: this.#channels.room(client.room), event: CLIENT_EVENT, payload }),
    );
  }

  #sign(text: string): string {
    return `${this.#settings.key}:${hmac("sha256", this.#settings.secret, text, "hex")}`;
  }
}
