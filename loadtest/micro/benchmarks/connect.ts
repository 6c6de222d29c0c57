import { assertDone, type Benchmark, type Work } from "../benchmark.ts";
import { startMemoryGateway } from "../memory-gateway.ts";
import type { MemorySocket, MemoryUpgrade } from "../memory-server.ts";
import type { Packages } from "../packages.ts";
import { NATIVE, Player, PUSHER } from "../player.ts";

const SHARED = "orders";

/** Clients that are there at the same time, as each of them adds to tables. */
const AT_ONCE = 64;

/** What a client costs the gateway that connects, subscribes to a channel that others have, and is cut. */
export const CONNECT: readonly Benchmark[] = [
  { name: "connect/native", prepare: (packages) => prepare(packages, NATIVE, 2) },
  {
    name: "connect/native, with a sender id",
    prepare: (packages) => prepare(packages, { path: "/ws", query: "key=app-key&sender=Yk3-0f9Qd_8s7Tz1aB2c" }, 2),
  },
  { name: "connect/Pusher", prepare: (packages) => prepare(packages, PUSHER, 2) },
];

/** `answers`: frames that each client gets. */
async function prepare(packages: Packages, upgrade: MemoryUpgrade, answers: number): Promise<Work> {
  const { server } = await startMemoryGateway(packages);
  const standing = new Player(server, upgrade);
  standing.subscribe(SHARED);
  await standing.answered(1);
  const frame = standing.subscribeFrame(SHARED);
  return {
    run(times) {
      let frames = 0;
      for (let done = 0; done < times; done += AT_ONCE) {
        const sockets: MemorySocket[] = [];
        for (let index = Math.min(AT_ONCE, times - done); index > 0; index--) {
          const socket = server.connect(upgrade);
          socket.send(frame);
          sockets.push(socket);
        }
        for (const socket of sockets) {
          frames += socket.frames;
          socket.cut();
        }
      }
      assertDone(frames, answers * times, "frames");
    },
  };
}
