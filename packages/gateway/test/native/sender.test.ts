import { type Bus, MemoryBackbone, MemoryBus, MemoryHistory } from "@carillon/core";
import { MSGPACK_SUBPROTOCOL } from "@carillon/protocol";
import { randomIds, systemClock } from "@carillon/service";
import { eventually, NativeClient } from "@carillon/testkit";
import { historyRules, TestGateway, testApp } from "@carillon/testkit/gateway";
import { describe, expect, it } from "vitest";

const SENDER = "sender-4711";

/** Two gateways on one bus, where every channel has a history and the client may publish everywhere. */
class Pair implements AsyncDisposable {
  readonly gateways: readonly TestGateway[];
  readonly #buses: readonly Bus[];
  readonly #token: string;

  private constructor(gateways: readonly TestGateway[], buses: readonly Bus[], token: string) {
    this.gateways = gateways;
    this.#buses = buses;
    this.#token = token;
  }

  static async start(): Promise<Pair> {
    const backbone = new MemoryBackbone({ clock: systemClock });
    const history = new MemoryHistory({ backbone, clock: systemClock, ids: randomIds() });
    const buses = [new MemoryBus(backbone), new MemoryBus(backbone)];
    const gateways: TestGateway[] = [];
    for (const bus of buses) {
      gateways.push(await TestGateway.start({ bus, history, rules: historyRules("kept-"), apps: [testApp()] }));
    }
    const [first] = gateways as [TestGateway];
    const token = await first.connectionToken({ capabilities: { "*": ["subscribe", "publish"] }, ttlSeconds: 60 });
    return new Pair(gateways, buses, token);
  }

  open(index: number, sender = SENDER, subprotocol?: string): Promise<NativeClient> {
    const gateway = this.gateways[index] as TestGateway;
    const url = `${gateway.webSocketUrl}?token=${this.#token}${sender === "" ? "" : `&sender=${sender}`}`;
    return NativeClient.open(url, subprotocol === undefined ? {} : { subprotocol });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const gateway of this.gateways) await gateway[Symbol.asyncDispose]();
    for (const bus of this.#buses) await bus.close();
  }
}

const payloads = (client: NativeClient) => client.deliveries.map(({ payload }) => payload);

describe("sender id", () => {
  it("N62 › what was published before a reconnect is not heard after it, live or recovered, on another gateway", async () => {
    await using pair = await Pair.start();
    await using other = await pair.open(1, "");
    await other.subscribe("kept-a");
    const before = await pair.open(0);
    const { position } = await before.request({ type: "subscribe", channel: "kept-a" });
    for (const payload of ["mine-1", "mine-2"]) {
      await before.request({ type: "publish", channel: "kept-a", event: "e", payload });
    }
    await other.request({ type: "publish", channel: "kept-a", event: "e", payload: "theirs" });
    await before.events(1);
    expect(payloads(before)).toEqual(["theirs"]);
    await before.close();

    await using after = await pair.open(1);
    expect(await after.request({ type: "subscribe", channel: "kept-a", recover: position })).toMatchObject({
      recovered: true,
    });
    await after.request({ type: "publish", channel: "kept-a", event: "e", payload: "mine-3" });
    await other.request({ type: "publish", channel: "kept-a", event: "e", payload: "last" });
    await eventually(() => expect(payloads(after).at(-1)).toBe("last"));
    expect(payloads(after)).toEqual(["theirs", "last"]);
    expect(payloads(other)).toEqual(["mine-1", "mine-2", "mine-3"]);
  });

  it("N62 › several connections of one sender are all left out, whatever their codec; everybody else gets it once", async () => {
    await using pair = await Pair.start();
    const mine = await Promise.all([
      pair.open(0),
      pair.open(0),
      pair.open(0, SENDER, MSGPACK_SUBPROTOCOL),
      pair.open(1),
    ]);
    const others = await Promise.all([pair.open(0, ""), pair.open(0, "another-one"), pair.open(1, "")]);
    for (const client of [...mine, ...others]) await client.subscribe("a");
    const [sending] = mine;
    for (let number = 0; number < 5; number++) {
      await sending.request({ type: "publish", channel: "a", event: "e", payload: number });
    }
    await (pair.gateways[0] as TestGateway).publish("a", "e", "by http", { exclude: SENDER });
    await (pair.gateways[0] as TestGateway).publish("a", "e", "to all");
    for (const client of mine) {
      await client.events(1);
      expect(payloads(client)).toEqual(["to all"]);
    }
    for (const client of others) {
      await client.events(7);
      expect(payloads(client)).toEqual([0, 1, 2, 3, 4, "by http", "to all"]);
    }
    const counted = pair.gateways.reduce((sum, { counters }) => sum + counters.deliveries, 0);
    expect(counted).toBe(3 * 6 + 7);
    await Promise.all([...mine, ...others].map((client) => client.close()));
  });

  it("N62 › with echo it hears itself; a name that isn't one is said to be left out", async () => {
    await using pair = await Pair.start();
    await using client = await pair.open(0);
    await client.subscribe("a");
    await client.request({ type: "publish", channel: "a", event: "e", payload: 1, echo: true });
    expect(payloads(client)).toEqual([1]);
    for (const wrong of ["short", "x".repeat(65), "has.a.dot.inside", "12345678%20"]) {
      await using odd = await pair.open(0, wrong);
      expect(odd.frames[0]).toMatchObject({ type: "error", code: "invalid_field" });
    }
  });
});
