import { BusUnavailableError } from "@carillon/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Deferred, defer } from "../src/deadline.ts";
import { CROWD_PUBLISHES, CROWD_SHARE, GATHER_BYTES, GATHER_MS, MAX_UNCONFIRMED_BYTES, Outbox } from "../src/outbox.ts";
import { bytes } from "./support/helpers.ts";

/** The other end of an outbox: notes what is written and answers PINGs when the test says so. */
class Wire {
  readonly log: string[] = [];
  readonly pings: Deferred<void>[] = [];
  readonly outbox = new Outbox({
    write: (letters) => void this.log.push(...letters.map(({ subject }) => subject)),
    ping: () => {
      this.log.push("PING");
      const pong = defer<void>();
      this.pings.push(pong);
      return pong.promise;
    },
    onStuck: () => this.log.push("stuck"),
  });

  pong(): void {
    this.pings.shift()?.resolve();
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const nothing = new Uint8Array(0);

async function stateOf(promise: Promise<unknown>): Promise<string> {
  const pending = turn().then(() => "pending");
  return await Promise.race([
    promise.then(
      () => "taken",
      () => "refused",
    ),
    pending,
  ]);
}

/** A wire on which so many publishes have just been answered at once. */
async function answeredCrowd(publishes: number): Promise<Wire> {
  const wire = new Wire();
  const crowd = Array.from({ length: publishes }, (_, index) => wire.outbox.publish(`crowd${index}`, nothing));
  await turn();
  wire.pong();
  await Promise.all(crowd);
  wire.log.length = 0;
  return wire;
}

describe("Outbox", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("batch › all publishes of a turn leave together, with one PING behind them that confirms them all", async () => {
    const wire = new Wire();
    const published = [1, 2, 3].map((each) => wire.outbox.publish(`s${each}`, nothing));
    expect(wire.log).toEqual([]);
    await turn();
    expect(wire.log).toEqual(["s1", "s2", "s3", "PING"]);
    expect(await stateOf(Promise.all(published))).toBe("pending");
    wire.pong();
    expect(await Promise.all(published)).toEqual(Array.from({ length: 3 }, () => ({ isDuplicate: false })));
    expect(wire.outbox.isEmpty).toBe(true);
  });

  it("batch › while a PING is under way others gather, and leave together when it is answered", async () => {
    const wire = new Wire();
    const first = wire.outbox.publish("s1", nothing);
    await turn();
    const second = wire.outbox.publish("s2", nothing);
    await turn();
    const third = wire.outbox.confirm();
    const fourth = wire.outbox.publish("s3", nothing);
    await turn();
    expect(wire.log).toEqual(["s1", "PING"]);
    wire.pong();
    await first;
    expect(await stateOf(second)).toBe("pending");
    await turn();
    expect(wire.log).toEqual(["s1", "PING", "s2", "s3", "PING"]);
    wire.pong();
    await Promise.all([second, third, fourth]);
  });

  it("batch › nobody waits for others longer than GATHER_MS, though a PING is not answered", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const wire = new Wire();
    void wire.outbox.publish("s1", nothing);
    await turn();
    for (const round of [1, 2, 3]) {
      void wire.outbox.publish(`a${round}`, nothing);
      await turn();
      vi.advanceTimersByTime(GATHER_MS - 1);
      void wire.outbox.publish(`b${round}`, nothing);
      await turn();
      expect(wire.log.at(-1)).not.toBe(`b${round}`);
      vi.advanceTimersByTime(1);
      await turn();
      expect(wire.log.slice(-2)).toEqual([`a${round}`, `b${round}`]);
    }
    expect(wire.log.filter((each) => each === "PING")).toHaveLength(1);
  });

  it("batch › what is large enough to fill a write waits for nobody", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const wire = new Wire();
    void wire.outbox.publish("s1", nothing);
    await turn();
    void wire.outbox.publish("s2", new Uint8Array(GATHER_BYTES - 1));
    await turn();
    expect(wire.log).toEqual(["s1", "PING"]);
    void wire.outbox.publish("s3", new Uint8Array(1));
    await turn();
    expect(wire.log).toEqual(["s1", "PING", "s2", "s3"]);
    void wire.outbox.publish("s4", nothing);
    await turn();
    expect(wire.log).toEqual(["s1", "PING", "s2", "s3"]);
  });

  it("crowd › when many have been answered, those who come next leave together, and no PING before what it confirms", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const wire = await answeredCrowd(CROWD_PUBLISHES);
    const next = Array.from({ length: CROWD_PUBLISHES * CROWD_SHARE - 1 }, (_, index) =>
      wire.outbox.publish(`s${index}`, nothing),
    );
    await turn();
    expect(wire.log).toEqual([]);
    next.push(wire.outbox.publish("last", nothing));
    await turn();
    expect(wire.log).toEqual([...next.slice(1).map((_, index) => `s${index}`), "last", "PING"]);
    wire.pong();
    await Promise.all(next);
  });

  it("crowd › whoever comes without one waits for GATHER_MS at most, and once only", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const wire = await answeredCrowd(CROWD_PUBLISHES);
    const alone = wire.outbox.publish("alone", nothing);
    await turn();
    vi.advanceTimersByTime(GATHER_MS - 1);
    await turn();
    expect(wire.log).toEqual([]);
    vi.advanceTimersByTime(1);
    await turn();
    expect(wire.log).toEqual(["alone", "PING"]);
    wire.pong();
    await alone;
    void wire.outbox.publish("later", nothing);
    await turn();
    expect(wire.log).toEqual(["alone", "PING", "later", "PING"]);
  });

  it("crowd › is forgotten when it has not come within GATHER_MS; a few are none; who only confirms waits for none", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const late = await answeredCrowd(CROWD_PUBLISHES);
    vi.advanceTimersByTime(GATHER_MS);
    void late.outbox.publish("late", nothing);
    await turn();
    expect(late.log).toEqual(["late", "PING"]);
    const few = await answeredCrowd(CROWD_PUBLISHES - 1);
    void few.outbox.publish("one", nothing);
    await turn();
    expect(few.log).toEqual(["one", "PING"]);
    const urgent = await answeredCrowd(CROWD_PUBLISHES);
    void urgent.outbox.publish("one", nothing);
    void urgent.outbox.confirm();
    await turn();
    expect(urgent.log).toEqual(["one", "PING"]);
  });

  it("fail › refuses all that waits, and writes nothing of it later", async () => {
    const wire = new Wire();
    const sent = wire.outbox.publish("s1", nothing);
    await turn();
    const waiting = wire.outbox.publish("s2", nothing);
    wire.outbox.fail(new BusUnavailableError("broken"));
    await expect(sent).rejects.toThrow("broken");
    await expect(waiting).rejects.toThrow("broken");
    wire.pong();
    await turn();
    expect(wire.log).toEqual(["s1", "PING"]);
    const after = wire.outbox.publish("s3", nothing);
    await turn();
    wire.pong();
    await expect(after).resolves.toEqual({ isDuplicate: false });
  });

  it("refuse › a refusal that is heard in the turn of the confirmation still counts", async () => {
    const wire = new Wire();
    const published = wire.outbox.publish("s1", nothing);
    await turn();
    wire.pong();
    await Promise.resolve();
    wire.outbox.refuse(new BusUnavailableError("not permitted"));
    await expect(published).rejects.toThrow("not permitted");
    const next = wire.outbox.publish("s2", nothing);
    await turn();
    wire.pong();
    await expect(next).resolves.toEqual({ isDuplicate: false });
  });

  it("bound › what waits for a server that doesn't read is limited", async () => {
    const wire = new Wire();
    const block = new Uint8Array(MAX_UNCONFIRMED_BYTES / 4);
    const blocks = Array.from({ length: 5 }, () => wire.outbox.publish("s", block));
    await expect(blocks[3]).rejects.toThrow(/takes in less than is published/);
    await expect(blocks[4]).rejects.toThrow(BusUnavailableError);
    await turn();
    wire.pong();
    await Promise.all(blocks.slice(0, 3));
    const after = wire.outbox.publish("s", block);
    await turn();
    wire.pong();
    await after;
  });

  it("hold › what comes later waits, moves to the other connection in order, and is confirmed there", async () => {
    const [old, next] = [new Wire(), new Wire()];
    const flying = old.outbox.publish("s1", nothing);
    await turn();
    const written = old.outbox.publish("s2", nothing);
    const held = old.outbox.hold();
    const kept = [old.outbox.publish("s3", nothing), old.outbox.confirm(), old.outbox.publish("s4", bytes("x"))];
    await turn();
    expect(old.log).toEqual(["s1", "PING", "s2"]);
    old.pong();
    await flying;
    expect(await stateOf(held)).toBe("pending");
    await turn();
    old.pong();
    await Promise.all([held, written]);
    expect(old.log).toEqual(["s1", "PING", "s2", "PING"]);
    const own = next.outbox.publish("s5", nothing);
    old.outbox.moveTo(next.outbox);
    await turn();
    expect(next.log).toEqual(["s5", "s3", "s4", "PING"]);
    old.outbox.fail(new BusUnavailableError("closed"));
    next.pong();
    await Promise.all([...kept, own]);
  });

  it("hold › what nobody waits for leaves on the other connection as well", async () => {
    const [old, next] = [new Wire(), new Wire()];
    await old.outbox.hold();
    old.outbox.send("s1", nothing, {});
    await turn();
    old.outbox.moveTo(next.outbox);
    await turn();
    expect([old.log, next.log]).toEqual([[], ["s1"]]);
    expect(next.outbox.isEmpty).toBe(true);
  });

  it("hold › ends at once when nothing is under way, or when the connection breaks; release lets all out", async () => {
    const idle = new Wire();
    await idle.outbox.hold();
    const kept = idle.outbox.publish("s1", nothing);
    await turn();
    expect(idle.log).toEqual([]);
    idle.outbox.release();
    await turn();
    expect(idle.log).toEqual(["s1", "PING"]);
    idle.pong();
    await kept;
    const broken = new Wire();
    const lost = broken.outbox.publish("s1", nothing);
    const held = broken.outbox.hold();
    broken.outbox.fail(new BusUnavailableError("broken"));
    await held;
    await expect(lost).rejects.toThrow("broken");
  });
});
