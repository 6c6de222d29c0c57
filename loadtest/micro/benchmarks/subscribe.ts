import { assertDone, type Benchmark, type Work } from "../benchmark.ts";
import { startMemoryGateway } from "../memory-gateway.ts";
import type { MemoryUpgrade } from "../memory-server.ts";
import type { Packages } from "../packages.ts";
import { NATIVE, NATIVE_MSGPACK, Player, PUSHER } from "../player.ts";

const SHARED = "orders";
const PRIVATE = "private-orders";

/** Channels that are asked for at once where nobody has them yet. */
const BATCH = 32;

/** What a subscribe and the unsubscribe that undoes it cost the gateway, from frame to frame. */
export const SUBSCRIBE: readonly Benchmark[] = [
  { name: "subscribe/native", prepare: (packages) => prepareShared(packages, NATIVE) },
  { name: "subscribe/native msgpack", prepare: (packages) => prepareShared(packages, NATIVE_MSGPACK) },
  { name: "subscribe/Pusher", prepare: (packages) => prepareShared(packages, PUSHER) },
  { name: "subscribe/Pusher, private", prepare: (packages) => preparePrivate(packages) },
  { name: "subscribe/first of its channel", prepare: (packages) => prepareFirst(packages) },
];

/** A channel that others are subscribed to: nothing is asked of the bus. */
async function prepareShared(packages: Packages, upgrade: MemoryUpgrade): Promise<Work> {
  const { server } = await startMemoryGateway(packages);
  await standing(new Player(server, NATIVE), SHARED);
  const player = new Player(server, upgrade);
  return comingAndGoing(player, player.subscribeFrame(SHARED), player.unsubscribeFrame(SHARED));
}

/** The same with a proof that has to be checked. */
async function preparePrivate(packages: Packages): Promise<Work> {
  const { server, app } = await startMemoryGateway(packages);
  const { signChannel } = await packages.service();
  const tokenFor = ({ connectionId }: Player) => ({ auth: signChannel(app, { connectionId, channel: PRIVATE }) });
  const other = new Player(server, PUSHER);
  await standing(other, PRIVATE, tokenFor(other));
  const player = new Player(server, PUSHER);
  return comingAndGoing(player, player.subscribeFrame(PRIVATE, tokenFor(player)), player.unsubscribeFrame(PRIVATE));
}

/** Channels that nobody has: interest is acquired for each, and released. */
async function prepareFirst(packages: Packages): Promise<Work> {
  const { server } = await startMemoryGateway(packages);
  const player = new Player(server, NATIVE);
  const names = Array.from({ length: BATCH }, (_, index) => `orders-${index}`);
  const [coming, going] = [
    names.map((name) => player.subscribeFrame(name)),
    names.map((name) => player.unsubscribeFrame(name)),
  ];
  return {
    async run(times) {
      const before = player.frames;
      for (let done = 0; done < times; done += BATCH) {
        const count = Math.min(BATCH, times - done);
        for (const frame of coming.slice(0, count)) player.send(frame);
        await player.answered(before + 2 * done + count);
        for (const frame of going.slice(0, count)) player.send(frame);
      }
      assertDone(player.frames - before, 2 * times, "answers");
    },
  };
}

async function standing(player: Player, channel: string, extras: Readonly<Record<string, string>> = {}): Promise<void> {
  player.subscribe(channel, extras);
  await player.answered(1);
}

function comingAndGoing(player: Player, coming: Uint8Array, going: Uint8Array): Work {
  let answers = 0;
  return {
    run(times) {
      const before = player.frames;
      for (let turn = 0; turn < times; turn++) {
        player.send(coming);
        player.send(going);
      }
      // One each, or one for both in a protocol that doesn't answer an unsubscribe: the first time tells.
      if (answers === 0) answers = (player.frames - before) / times;
      assertDone(player.frames - before, answers * times, "answers");
    },
  };
}
