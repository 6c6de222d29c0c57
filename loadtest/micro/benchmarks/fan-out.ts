import { assertDone, type Benchmark, type Work } from "../benchmark.ts";
import { startMemoryGateway } from "../memory-gateway.ts";
import type { MemoryUpgrade } from "../memory-server.ts";
import type { Packages } from "../packages.ts";
import { NATIVE, NATIVE_MSGPACK, Player, PUSHER } from "../player.ts";
import { ENVELOPES } from "./orders.ts";

const CHANNEL = "orders";

/** What one event costs the gateway besides the writes, however many are to get it. */
export const FAN_OUT: readonly Benchmark[] = [
  fanOut("1 subscriber", 1, [NATIVE]),
  fanOut("100 subscribers", 100, [NATIVE]),
  fanOut("1,000 subscribers", 1000, [NATIVE]),
  fanOut("10,000 subscribers", 10_000, [NATIVE]),
  fanOut("999 of three codecs", 999, [NATIVE, NATIVE_MSGPACK, PUSHER]),
];

function fanOut(name: string, subscribers: number, kinds: readonly MemoryUpgrade[]): Benchmark {
  return { name: `fan-out/${name}`, prepare: (packages) => prepare(packages, subscribers, kinds) };
}

async function prepare(packages: Packages, subscribers: number, kinds: readonly MemoryUpgrade[]): Promise<Work> {
  const { server, backbone, app } = await startMemoryGateway(packages);
  const { encodeEnvelope } = await packages.protocol();
  const envelopes = ENVELOPES.map((envelope) => encodeEnvelope(envelope).slice());
  const players = Array.from(
    { length: subscribers },
    (_, index) => new Player(server, kinds[index % kinds.length] as MemoryUpgrade),
  );
  for (const player of players) player.subscribe(CHANNEL);
  for (const player of players) await player.answered(1);
  const address = { appId: app.id, channel: CHANNEL };
  return {
    run(times) {
      const before = server.reached;
      for (let turn = 0; turn < times; turn++) {
        backbone.deliver(address, envelopes[turn % envelopes.length] as Uint8Array);
      }
      assertDone(server.reached - before, times * subscribers, "deliveries");
    },
  };
}
