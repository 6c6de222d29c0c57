import { type BusReceiver, type Channel, ChannelRegistry, MemoryBackbone, MemoryBus } from "@carillon/core";
import { FakeClock } from "@carillon/testkit";
import fc from "fast-check";
import { expect, it } from "vitest";
import { GatedBus } from "./support/gated-bus.ts";
import { settled } from "./support/test-node.ts";

const LINGER_MS = 1000;
const SWEEP_MS = LINGER_MS / 5;
const NAMES = ["a", "b", "c"];
const APPS = ["1", "2"];

/** What a Channel object should look like by now. */
interface ModelChannel {
  readonly channel: Channel;
  readonly key: string;
  references: number;
  state: "acquiring" | "held" | "released";
  /** 0 = doesn't linger. */
  lingersUntilMs: number;
}

type Act =
  | { readonly kind: "acquire"; readonly app: string; readonly name: string }
  | { readonly kind: "release"; readonly which: number }
  | { readonly kind: "settle"; readonly which: number; readonly outcome: "stands" | "refused" }
  | { readonly kind: "advance"; readonly ms: number };

type Step = Act | { readonly kind: "turn" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("acquire" as const),
      app: fc.constantFrom(...APPS),
      name: fc.constantFrom(...NAMES),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("release" as const), which: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("settle" as const),
      which: fc.nat(),
      outcome: fc.constantFrom("stands" as const, "stands" as const, "refused" as const),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: "turn" as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: fc.nat({ max: 1500 }) }) },
);

/** The registry beside a model that is too simple to be wrong. */
class RegistryUnderTest {
  readonly clock = new FakeClock();
  readonly bus = new GatedBus(new MemoryBus(new MemoryBackbone({ clock: this.clock })));
  readonly failures: Channel[] = [];
  readonly registry: ChannelRegistry;
  readonly #maxLingering: number;
  readonly #lingerMs: number;
  readonly #current = new Map<string, ModelChannel>();
  readonly #all: ModelChannel[] = [];
  readonly #references: ModelChannel[] = [];
  /** Settled by the bus, not yet noticed: promises take a turn. */
  readonly #outcomes: { readonly receiver: BusReceiver; readonly outcome: "stands" | "refused" }[] = [];
  #refusals = 0;

  constructor(options: { readonly maxLingering: number; readonly lingerMs: number }) {
    this.#maxLingering = options.maxLingering;
    this.#lingerMs = options.lingerMs;
    this.bus.isSlow = true;
    this.registry = new ChannelRegistry({
      ...options,
      bus: this.bus,
      clock: this.clock,
      sink: () => undefined,
      onFailure: (channel) => this.failures.push(channel),
    });
  }

  /** Takes one step and nothing more: no promise settles before the next {@link turn}. */
  act(each: Act): void {
    if (each.kind === "acquire") this.#acquire(each.app, each.name);
    else if (each.kind === "release") this.#release(each.which);
    else if (each.kind === "settle") this.#settle(each.which, each.outcome);
    else this.#advance(each.ms);
    this.#compare();
  }

  /** Lets the registry notice what the bus has answered. */
  async turn(): Promise<void> {
    await settled();
    for (const { receiver, outcome } of this.#outcomes.splice(0)) this.#notice(receiver, outcome);
    this.#compare();
  }

  /** Everybody leaves, the bus answers, time passes. */
  async finish(): Promise<void> {
    while (this.#references.length > 0) this.act({ kind: "release", which: 0 });
    while (this.bus.waiting > 0) this.act({ kind: "settle", which: 0, outcome: "stands" });
    await this.turn();
    this.act({ kind: "advance", ms: this.#lingerMs + SWEEP_MS });
  }

  #acquire(app: string, name: string): void {
    const key = `${app}/${name}`;
    const channel = this.registry.acquire(app, name);
    let model = this.#current.get(key);
    if (model === undefined) {
      model = { channel, key, references: 0, state: "acquiring", lingersUntilMs: 0 };
      // A new object, so that nothing late can touch it.
      expect(this.#all.map((other) => other.channel)).not.toContain(channel);
      this.#all.push(model);
      this.#current.set(key, model);
    }
    expect(channel).toBe(model.channel);
    model.references++;
    model.lingersUntilMs = 0;
    this.#references.push(model);
  }

  #release(which: number): void {
    const [model] = this.#references.splice(which % Math.max(this.#references.length, 1), 1);
    if (model === undefined) return;
    this.registry.release(model.channel);
    model.references--;
    this.#letLinger(model);
  }

  #settle(which: number, outcome: "stands" | "refused"): void {
    if (this.bus.waiting === 0) return;
    const receiver = this.bus.settle(outcome, which % this.bus.waiting);
    if (receiver !== undefined) this.#outcomes.push({ receiver, outcome });
  }

  #notice(receiver: BusReceiver, outcome: "stands" | "refused"): void {
    const model = this.#all.find((each) => each.channel === receiver);
    if (model === undefined) throw new Error("the bus was asked for a channel that nobody acquired");
    if (outcome === "stands") {
      model.state = "held";
      this.#letLinger(model);
    } else {
      this.#refusals++;
      this.#end(model);
    }
  }

  #advance(ms: number): void {
    this.clock.advance(ms);
    const nowMs = this.clock.monotonic();
    for (const model of this.#current.values()) {
      if (model.lingersUntilMs === 0) continue;
      if (model.lingersUntilMs + SWEEP_MS <= nowMs) this.#end(model);
      else if (!this.bus.held.has(model.channel)) {
        // It may go at any sweep after its time, and never before.
        expect(model.lingersUntilMs).toBeLessThanOrEqual(nowMs);
        this.#end(model);
      }
    }
  }

  #letLinger(model: ModelChannel): void {
    if (model.references > 0 || model.state !== "held") return;
    if (this.#lingerMs === 0 || this.#lingering() >= this.#maxLingering) this.#end(model);
    else model.lingersUntilMs = this.clock.monotonic() + this.#lingerMs;
  }

  #end(model: ModelChannel): void {
    model.state = "released";
    model.lingersUntilMs = 0;
    this.#current.delete(model.key);
  }

  #lingering(): number {
    return [...this.#current.values()].filter((model) => model.lingersUntilMs !== 0).length;
  }

  #compare(): void {
    const current = [...this.#current.values()];
    expect(this.registry.size).toBe(current.length);
    expect(this.registry.lingering).toBe(this.#lingering());
    expect(this.registry.lingering).toBeLessThanOrEqual(this.#maxLingering);
    expect(this.failures).toHaveLength(this.#refusals);
    for (const app of APPS) {
      for (const name of NAMES)
        expect(this.registry.find(app, name)).toBe(this.#current.get(`${app}/${name}`)?.channel);
    }
    for (const { channel, state, references } of this.#all) {
      expect([channel.state, channel.references]).toEqual([state, references]);
      const acts = this.bus.log.filter(({ receiver }) => receiver === channel).map(({ act }) => act);
      expect(["subscribe", "subscribe,unsubscribe"]).toContain(acts.join());
    }
    const withInterest = current.filter(({ state }) => state === "held").map(({ channel }) => channel);
    // What the bus has granted and the registry could not notice yet aside, interest is exactly what is held.
    if (this.#outcomes.length === 0) expect(this.bus.held).toEqual(new Set(withInterest));
  }
}

it.each([
  { maxLingering: 100, lingerMs: LINGER_MS },
  { maxLingering: 2, lingerMs: LINGER_MS },
  { maxLingering: 100, lingerMs: 0 },
])("ChannelRegistry › keeps to its model whatever comes in which order (%o)", async (options) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const test = new RegistryUnderTest(options);
      for (const each of steps) {
        if (each.kind === "turn") await test.turn();
        else test.act(each);
      }
      await test.finish();
      expect([test.registry.size, test.registry.lingering, test.bus.held.size]).toEqual([0, 0, 0]);
      test.registry.close();
      expect(test.clock.pendingTimers).toBe(0);
    }),
    { numRuns: 300 },
  );
});

function createRegistry(lingerMs: number) {
  const test = new RegistryUnderTest({ maxLingering: 10, lingerMs });
  test.bus.isSlow = false;
  return { registry: test.registry, bus: test.bus, clock: test.clock, failures: test.failures };
}

it("ChannelRegistry › a subscriber who comes back while the channel lingers costs the bus nothing", async () => {
  const { registry, bus, clock } = createRegistry(LINGER_MS);
  const channel = registry.acquire("1", "a");
  await settled();
  for (let round = 0; round < 20; round++) {
    registry.release(channel);
    clock.advance(LINGER_MS - 1);
    expect(registry.acquire("1", "a")).toBe(channel);
  }
  clock.advance(10 * LINGER_MS);
  expect(bus.log.map(({ act }) => act)).toEqual(["subscribe"]);
});

it("ChannelRegistry › a refusal reaches everybody who waits, and the next subscriber asks anew", async () => {
  const { registry, bus, failures } = createRegistry(LINGER_MS);
  bus.isSlow = true;
  const channel = registry.acquire("1", "a");
  registry.acquire("1", "a");
  const waiting = expect(channel.whenHeld).rejects.toThrow("did not answer");
  bus.settle("refused");
  await waiting;
  expect(failures).toEqual([channel]);
  bus.isSlow = false;
  const next = registry.acquire("1", "a");
  await settled();
  registry.release(channel);
  registry.release(channel);
  expect([next === channel, next.state, next.references]).toEqual([false, "held", 1]);
  expect(bus.held).toEqual(new Set([next]));
});

it("ChannelRegistry › a refusal that nobody waits for ends nothing else", async () => {
  const { registry, bus } = createRegistry(LINGER_MS);
  bus.isSlow = true;
  registry.release(registry.acquire("1", "a"));
  bus.settle("refused");
  // An unhandled rejection would fail the run.
  await settled();
  expect(registry.size).toBe(0);
});

it("ChannelRegistry › close lets go of what is held, lingers or is still asked for, and of its timer", async () => {
  const { registry, bus, clock } = createRegistry(LINGER_MS);
  registry.acquire("1", "held");
  const lingering = registry.acquire("2", "lingering");
  await settled();
  registry.release(lingering);
  bus.isSlow = true;
  const asked = registry.acquire("1", "asked");
  registry.close();
  bus.settle("stands");
  await settled();
  expect([registry.size, registry.lingering, bus.held.size, clock.pendingTimers]).toEqual([0, 0, 0, 0]);
  registry.release(asked);
  expect(bus.log.filter(({ act }) => act === "unsubscribe")).toHaveLength(3);
});
