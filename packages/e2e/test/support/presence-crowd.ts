import { createHmac } from "node:crypto";
import { WebSocket } from "ws";
import type { Address } from "./pusher-app.ts";

const KEY = "app-key";
const SECRET = "app-secret";
const AT_ONCE = 50;

const SUCCEEDED = '{"event":"pusher_internal:subscription_succeeded"';
const ADDED = '{"event":"pusher_internal:member_added"';
const REMOVED = '{"event":"pusher_internal:member_removed"';

/** The id of a member of the crowd, by its number. */
export function memberId(number: number): string {
  return `user-${number}`;
}

/**
 * One user of a crowd on a presence channel, on a raw connection of the Pusher protocol. It keeps who is there as an
 * application would, in a byte for each, and nothing else of the many frames that it gets.
 */
export class CrowdMember {
  readonly number: number;
  readonly #channel: string;
  /** By number. */
  readonly #isThere: Uint8Array;
  #socket: WebSocket | null = null;
  #count = 0;
  /** What it was told since it came into being: comings, goings, and whatever contradicts what was told before. */
  added = 0;
  removed = 0;
  contradictions = 0;

  constructor(number: number, { channel, size }: { readonly channel: string; readonly size: number }) {
    this.number = number;
    this.#channel = channel;
    this.#isThere = new Uint8Array(size);
  }

  /** How many users it knows to be there. */
  get count(): number {
    return this.#count;
  }

  /** Whether it knows a user to be there. */
  knows(number: number): boolean {
    return this.#isThere[number] === 1;
  }

  /** Connects and enters; resolves when it has its list. What it knew before is forgotten, but for the counts. */
  async enter(gateway: Address): Promise<void> {
    const url = `${gateway.url.replace("http:", "ws:")}/app/${KEY}?protocol=7`;
    const socket = new WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true });
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.once("close", (code) => reject(new Error(`closed with ${code} before it had its list`)));
      socket.on("message", (data: Buffer) => this.#read(data.toString(), resolve, reject));
    });
    socket.removeAllListeners("error").on("error", () => undefined);
  }

  /** Ends its connection. */
  end(): void {
    this.#socket?.terminate();
  }

  #read(text: string, onList: () => void, onRefused: (error: Error) => void): void {
    if (text.startsWith(ADDED)) this.#change(text, 1);
    else if (text.startsWith(REMOVED)) this.#change(text, 0);
    else if (text.startsWith(SUCCEEDED)) {
      const { ids } = (dataOf(text) as { readonly presence: { readonly ids: readonly string[] } }).presence;
      this.#isThere.fill(0);
      for (const id of ids) this.#isThere[numberOf(id)] = 1;
      this.#count = ids.length;
      onList();
    } else if (text.includes("connection_established")) {
      this.#subscribe((dataOf(text) as { readonly socket_id: string }).socket_id);
    } else onRefused(new Error(text));
  }

  #subscribe(socketId: string): void {
    const data = JSON.stringify({ user_id: memberId(this.number) });
    const signature = createHmac("sha256", SECRET).update(`${socketId}:${this.#channel}:${data}`).digest("hex");
    const command = { channel: this.#channel, auth: `${KEY}:${signature}`, channel_data: data };
    this.#socket?.send(JSON.stringify({ event: "pusher:subscribe", data: command }));
  }

  #change(text: string, isThere: 0 | 1): void {
    const number = numberOf((dataOf(text) as { readonly user_id: string }).user_id);
    if (this.#isThere[number] === isThere) this.contradictions++;
    else this.#count += isThere === 1 ? 1 : -1;
    this.#isThere[number] = isThere;
    if (isThere === 1) this.added++;
    else this.removed++;
  }
}

/** Has many enter, some at a time, each on the gateway that is named for its number. */
export async function enterAll(
  members: readonly CrowdMember[],
  gatewayOf: (member: CrowdMember) => Address,
): Promise<void> {
  for (let start = 0; start < members.length; start += AT_ONCE) {
    await Promise.all(members.slice(start, start + AT_ONCE).map((member) => member.enter(gatewayOf(member))));
  }
}

function numberOf(id: string): number {
  return Number(id.slice(id.indexOf("-") + 1));
}

function dataOf(text: string): unknown {
  return JSON.parse((JSON.parse(text) as { readonly data: string }).data);
}
