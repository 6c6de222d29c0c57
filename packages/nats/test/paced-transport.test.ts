import { eventually, NatsServer } from "@carillon/testkit";
import { describe, expect, it } from "vitest";
import { connectNatsBus } from "../src/index.ts";
import { TURN_BYTES } from "../src/paced-transport.ts";
import { bytes } from "./support/helpers.ts";

const COUNT = 20_000;
const READ_BYTES = 64 * 1024;
const TEXT_BYTES = 100;

/** Counts what is received in each turn of the event loop. */
class TurnCounter {
  readonly appId = "app";
  readonly channel = "busy";
  readonly numbers: number[] = [];
  readonly perTurn: number[] = [];
  #isCounting = false;

  receive(envelope: Uint8Array): void {
    this.numbers.push(Number.parseInt(Buffer.from(envelope).toString(), 10));
    if (!this.#isCounting) {
      this.#isCounting = true;
      this.perTurn.push(0);
      // Runs once what the poll phase brings is done.
      setImmediate(() => {
        this.#isCounting = false;
      });
    }
    this.perTurn.push((this.perTurn.pop() as number) + 1);
    // A fan-out of some width: the server is always ahead, so every read is full.
    const end = performance.now() + 0.05;
    while (performance.now() < end);
  }
}

describe("paced transport", () => {
  it("a backlog is worked off over many turns of the event loop, complete and in order", async () => {
    await using server = await NatsServer.start();
    const [publisher, node] = await Promise.all([1, 2].map(() => connectNatsBus({ servers: [server.url] })));
    if (publisher === undefined || node === undefined) throw new Error("unreachable");
    const receiver = new TurnCounter();
    await node.subscribe(receiver);
    const sent: Promise<unknown>[] = [];
    for (let number = 0; number < COUNT; number++) {
      sent.push(publisher.publish(receiver, bytes(`${number}`.padEnd(TEXT_BYTES))));
    }
    await Promise.all(sent);
    await eventually(() => expect(receiver.numbers).toHaveLength(COUNT));
    expect(receiver.numbers).toEqual(receiver.numbers.map((_, index) => index));
    expect(Math.max(...receiver.perTurn)).toBeLessThan((TURN_BYTES + READ_BYTES) / TEXT_BYTES);
    await Promise.all([publisher.close(), node.close()]);
  });
});
