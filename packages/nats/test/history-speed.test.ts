import { NatsServer } from "@carillon/testkit";
import { connect, type Msg } from "nats";
import { describe, expect, it } from "vitest";
import { connectNatsBus, SubjectSpace } from "../src/index.ts";
import { OriginReader } from "../src/origin-reader.ts";
import { append, streams } from "./support/history.ts";

const APPENDS = 10_000;
const AT_ONCE = 500;

/** Runs `act` for each number, so many at a time; resolves with how many a second. */
async function rate(act: (index: number) => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < APPENDS) await act(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return (APPENDS * 1000) / (performance.now() - startMs);
}

describe("history › speed", () => {
  it("10,000 appends over many channels are all kept; the rate is printed next to the client's own publish", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const bus = await connectNatsBus({ servers: [server.url], history: { maxMessagesPerChannel: 1000 } });
    const client = await connect({ servers: [server.url] });
    await (await client.jetstreamManager()).streams.add({ name: "BARE", subjects: ["bare.*"] });
    const js = client.jetstream();
    const data = new Uint8Array(128);
    const bare = await rate((index) => js.publish(`bare.${index % 1000}`, data, { msgID: `${index}` }));
    const own = await rate((index) => append(bus, { appId: "app", channel: `${index % 1000}` }, `${index}`));
    process.stdout.write(
      `appends: ${Math.round(own)}/s; bare js.publish: ${Math.round(bare)}/s; ratio ${(own / bare).toFixed(2)}\n`,
    );
    const kept = [...(await streams(server)).values()].map(({ state }) => state.messages - 1);
    expect(kept.reduce((sum, count) => sum + count, 0)).toBe(APPENDS);
    await Promise.all([bus.close(), client.close()]);
  }, 60_000);

  it("stamps are read from the raw header, and as well without it; the time is printed", async () => {
    await using server = await NatsServer.start({ jetStream: true });
    const bus = await connectNatsBus({ servers: [server.url] });
    const client = await connect({ servers: [server.url] });
    const messages: Msg[] = [];
    client.subscribe("carillon.pub.app.>", { callback: (_, msg) => void messages.push(msg) });
    await client.flush();
    const positions = [];
    for (const text of ["a", "b"]) positions.push((await append(bus, { appId: "app", channel: "c" }, text)).position);
    await client.flush();
    const noted: number[][] = [];
    const reader = new OriginReader(new SubjectSpace("carillon"), (...each) => void noted.push(each));
    const [first, second] = messages;
    if (first === undefined || second === undefined) throw new Error("nothing arrived");
    const wanted = { offset: positions[1]?.offset, previousOffset: positions[0]?.offset };
    expect(reader.read(second)).toEqual(wanted);
    expect(reader.read({ headers: second.headers } as Msg)).toEqual(wanted);
    expect(reader.read(first)).toEqual({ offset: positions[0]?.offset, previousOffset: 0 });
    const stream = Number(second.headers?.get("Nats-Stream").slice("CARILLON_HIST_".length));
    expect(noted.map(([number]) => number)).toEqual([stream, stream, stream]);
    expect(new OriginReader(new SubjectSpace("other")).read(second)).toBeUndefined();
    const startMs = performance.now();
    for (let index = 0; index < 200_000; index++) reader.read(second);
    process.stdout.write(`a stamp: ${((performance.now() - startMs) / 200).toFixed(2)} µs\n`);
    await Promise.all([bus.close(), client.close()]);
  });
});
