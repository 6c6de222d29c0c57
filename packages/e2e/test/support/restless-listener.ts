import type { Channel, RealtimeClient, SubscribeOptions } from "@carillon/client";
import type { Random } from "../../chaos/random.ts";
import { type Beginning, ChannelLife } from "./channel-life.ts";

/** What a RestlessListener stands on. */
export interface RestlessListenerOptions {
  readonly client: RealtimeClient;
  readonly random: Random;
  /** The channels; those that begin with `news` have no history, those with `cache` are cache channels. */
  readonly names: readonly string[];
  /** The number of the last event of a channel whose publish has begun. */
  readonly begun: (name: string) => number;
}

interface Wanted {
  readonly life: ChannelLife;
  readonly letGo: () => void;
  /** Lets go and is back within the same turn: nothing may be missed. */
  readonly again: () => void;
}

/** An application that comes to channels and leaves them at random, and keeps what it hears. */
export class RestlessListener {
  readonly lives: ChannelLife[] = [];
  readonly #options: RestlessListenerOptions;
  readonly #wanted = new Map<string, Wanted>();

  constructor(options: RestlessListenerOptions) {
    this.#options = options;
    this.settle();
  }

  /** Those that have not ended. */
  get current(): readonly ChannelLife[] {
    return [...this.#wanted.values()].map(({ life }) => life);
  }

  /** Comes to a channel, leaves one, or both within one turn. */
  act(): void {
    const { random, names } = this.#options;
    const name = random.pick(names);
    const known = this.#wanted.get(name);
    if (known !== undefined && known.life.last !== null && random.chance(0.2)) {
      known.again();
      return;
    }
    known?.letGo();
    known?.life.end();
    this.#wanted.delete(name);
    if (known === undefined || random.chance(0.5)) this.#begin(name);
  }

  /** Is on all channels from now on. */
  settle(): void {
    for (const name of this.#options.names) if (!this.#wanted.has(name)) this.#begin(name);
  }

  #begin(name: string): void {
    const { client, random, begun } = this.#options;
    const { asked, beginning } = this.#wish(name);
    const life = new ChannelLife(client.channel(name) as Channel, beginning, () => begun(name));
    this.lives.push(life);
    if (random.chance(0.5)) {
      client.subscribe(name, asked);
      // Its listeners would be forgotten: it can't be back.
      this.#wanted.set(name, { life, letGo: () => client.unsubscribe(name), again: () => undefined });
      return;
    }
    let hold = client.hold(name, asked);
    const letGo = () => hold.release();
    const again = () => {
      hold.release();
      hold = client.hold(name);
    };
    this.#wanted.set(name, { life, letGo, again });
  }

  #wish(name: string): { readonly asked: SubscribeOptions; readonly beginning: Beginning } {
    const isCache = name.startsWith("cache");
    const fromNow = { asked: {}, beginning: { kind: "newest", count: isCache ? 1 : 0 } } as const;
    if (name.startsWith("news")) return fromNow;
    const rewound = { asked: { rewind: 3 }, beginning: { kind: "newest", count: isCache ? 1 : 3 } } as const;
    const before = this.lives.findLast((life) => life.name === name)?.last;
    if (before?.position === undefined) return this.#options.random.pick([fromNow, rewound]);
    const since = { asked: { since: before.position }, beginning: { kind: "since", number: before.number } } as const;
    return this.#options.random.pick([fromNow, rewound, since]);
  }
}
