import { appKey } from "../app-keys.ts";
import { fieldsOf } from "./dialects/fields.ts";
import type { CrowdChannelsCommand, CrowdCommand, Target } from "./messages.ts";
import { until } from "./until.ts";
import type { WireOwner } from "./wire.ts";
import { Wire } from "./wire.ts";

/** Connections that are opened, or asked for channels, at once. */
const PARALLEL = 50;

/** Channels in a command: as many as Carillon takes. */
const PER_COMMAND = 100;

/** Longest time for a connection to be open, or for its commands to be answered. */
const DEADLINE_MS = 60_000;

/** Connections of the native protocol that have many channels each, so that a gateway has very many. */
export class ChannelCrowd {
  readonly #localAddress: string;
  #members: Member[] = [];

  /** `addressBlock` (0 to 200) keeps the source addresses of several generators apart. */
  constructor(addressBlock: number) {
    // Behind those of the subscribers.
    this.#localAddress = `127.0.${1 + addressBlock}.250`;
  }

  /** Opens all connections; says in words what went wrong. */
  async connect({ target, connections }: CrowdCommand): Promise<string[]> {
    const numbers = Array.from({ length: connections }, (_, number) => number);
    await inGroups(numbers, async (group) => {
      const opened = group.map((number) => new Member(number, target, this.#localAddress));
      this.#members.push(...opened);
      await until(() => opened.every(({ isWelcome }) => isWelcome), DEADLINE_MS);
    });
    const missing = this.#members.filter(({ isWelcome }) => !isWelcome).length;
    return missing === 0 ? [] : [`${missing} of ${connections} connections of the crowd did not open`];
  }

  /** Subscribes each connection to channels of its own, or unsubscribes it; says in words what went wrong. */
  async change({ act, from, to }: CrowdChannelsCommand): Promise<string[]> {
    await inGroups(this.#members, async (group) => {
      for (const member of group) member.change(act, from, to);
      await until(() => group.every(({ isAnswered }) => isAnswered), DEADLINE_MS);
    });
    const silent = this.#members.filter(({ isAnswered }) => !isAnswered).length;
    return [...(silent === 0 ? [] : [`${silent} connections of the crowd were not answered`]), ...this.takeProblems()];
  }

  /** What went wrong since the last call, in words. */
  takeProblems(): string[] {
    const lost = this.#members.filter((member) => member.takeLoss()).length;
    const refused = this.#members.reduce((sum, member) => sum + member.takeRefusals(), 0);
    return [
      ...(lost === 0 ? [] : [`${lost} connections of the crowd were closed by the server`]),
      ...(refused === 0 ? [] : [`${refused} commands of the crowd were refused`]),
    ];
  }

  /** Ends all connections at once. */
  drop(): void {
    for (const member of this.#members) member.drop();
    this.#members = [];
  }
}

class Member implements WireOwner {
  isWelcome = false;
  readonly #number: number;
  readonly #wire: Wire;
  #pending = 0;
  #refusals = 0;
  #isLost = false;

  constructor(number: number, target: Target, localAddress: string) {
    this.#number = number;
    const path = `/ws?key=${appKey(number % (target.apps ?? 1))}`;
    this.#wire = new Wire({ port: target.socketPort, path, localAddress, owner: this });
  }

  /** True when nothing that it asked for is unanswered. */
  get isAnswered(): boolean {
    return this.#pending === 0;
  }

  change(act: CrowdChannelsCommand["act"], from: number, to: number): void {
    for (let at = from; at < to; at += PER_COMMAND) {
      const count = Math.min(PER_COMMAND, to - at);
      const channels = Array.from({ length: count }, (_, offset) => `crowd-${this.#number}-${at + offset}`);
      this.#pending++;
      this.#wire.send(JSON.stringify({ type: act, channels }));
    }
  }

  takeLoss(): boolean {
    const isLost = this.#isLost;
    this.#isLost = false;
    return isLost;
  }

  takeRefusals(): number {
    const refusals = this.#refusals;
    this.#refusals = 0;
    return refusals;
  }

  drop(): void {
    this.#wire.drop();
  }

  /** Called by the wire. */
  opened(): void {
    // The welcome follows.
  }

  /** Called by the wire. */
  framed(bytes: Buffer, start: number, end: number): void {
    const { type, errors } = fieldsOf(bytes.toString("utf8", start, end));
    if (type === "welcome") this.isWelcome = true;
    if (type === "subscribed" || type === "unsubscribed" || type === "error") this.#pending--;
    if (type === "error" || errors !== undefined) this.#refusals++;
  }

  /** Called by the wire. */
  readEnded(): void {
    // Each frame was enough.
  }

  /** Called by the wire. */
  lost(): void {
    this.#isLost = true;
  }
}

async function inGroups<Item>(items: readonly Item[], act: (group: readonly Item[]) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += PARALLEL) await act(items.slice(from, from + PARALLEL));
}
