import { createServer, type Server, Socket } from "node:net";
import { Transform } from "node:stream";

/** Where a proxy leads. */
export interface TcpProxyOptions {
  /** Asked for each connection, since a server may know its port only later. */
  readonly targetPort: () => number;
  /** Where to listen, on 127.0.0.1; default: a free port. */
  readonly port?: number;
  /** From where it connects, one of 127.0.0.0/8: what its target sees; default: wherever the system does. */
  readonly localAddress?: string;
  /** Reads from what a dialing side says first who it is; null while that can't be told yet. Default: nobody has a name. */
  readonly nameOf?: (head: string) => string | null;
  /** Asked for each connection: it is cut once so many bytes have come from its target. Default: never. */
  readonly breakAfter?: () => number;
}

/** What a proxy does with the links of somebody. */
type LinkState = "whole" | "frozen" | "cut";

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  /** Takes what comes from the target. */
  readonly inlet: NodeJS.WritableStream;
  name: string | null;
  isPiping: boolean;
}

/** As much of a dialing side's words as its name may stand in. */
const HEAD_BYTES = 4096;

/**
 * A TCP link of 127.0.0.1 that a test can harm: `cut` ends its connections and refuses new ones; `freeze` lets them stand and
 * carries nothing, as a network does that drops packets. With a name given, only the links of that dialing side.
 *
 * @example
 * const proxy = await TcpProxy.start({ targetPort: () => server.port });
 * proxy.freeze();
 * proxy.heal();
 * await proxy.stop();
 */
export class TcpProxy {
  readonly port: number;
  readonly #options: TcpProxyOptions;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  readonly #stateOf = new Map<string, LinkState>();
  #state: LinkState = "whole";

  private constructor(server: Server, options: TcpProxyOptions) {
    this.#server = server;
    this.#options = options;
    const address = server.address();
    this.port = typeof address === "object" && address !== null ? address.port : 0;
    server.on("connection", (near) => this.#connect(near));
  }

  /** Resolves when it listens. */
  static async start(options: TcpProxyOptions): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(options.port ?? 0, "127.0.0.1", resolve);
    });
    return new TcpProxy(server, options);
  }

  cut(name?: string): void {
    this.#become("cut", name);
  }

  freeze(name?: string): void {
    this.#become("frozen", name);
  }

  /** Ends the harm to a dialing side, or all harm. */
  heal(name?: string): void {
    if (name === undefined) this.#stateOf.clear();
    this.#become("whole", name);
  }

  /** Ends everything. Idempotent. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const pair of this.#pairs) end(pair);
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #become(state: LinkState, name?: string): void {
    if (name === undefined) this.#state = state;
    else this.#stateOf.set(name, state);
    for (const pair of this.#pairs) this.#apply(pair);
  }

  #connect(near: Socket): void {
    const far = new Socket({ allowHalfOpen: true });
    const { localAddress, targetPort, breakAfter } = this.#options;
    const inlet = breakAfter === undefined ? near : limited(breakAfter(), () => end(pair));
    if (inlet !== near) inlet.pipe(near);
    const pair: Pair = { near, far, inlet, name: null, isPiping: false };
    this.#pairs.add(pair);
    far.connect({ port: targetPort(), host: "127.0.0.1", ...(localAddress === undefined ? {} : { localAddress }) });
    this.#listen(pair);
    this.#apply(pair);
  }

  #listen(pair: Pair): void {
    const { near, far } = pair;
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      // "close" follows, and ends the other side.
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#pairs.delete(pair);
        end(pair);
      });
    }
    const { nameOf } = this.#options;
    if (nameOf === undefined) return;
    let head = "";
    const read = (data: Buffer) => {
      head += data.toString("latin1");
      pair.name = nameOf(head);
      if (pair.name === null && head.length < HEAD_BYTES) return;
      near.off("data", read);
      this.#apply(pair);
    };
    near.on("data", read);
  }

  #apply(pair: Pair): void {
    const own = pair.name === null ? undefined : this.#stateOf.get(pair.name);
    const state = this.#state === "whole" ? (own ?? "whole") : this.#state;
    if (state === "cut") {
      end(pair);
    } else if (state === "frozen") {
      pair.near.unpipe(pair.far).pause();
      pair.far.unpipe(pair.inlet).pause();
      pair.isPiping = false;
    } else if (!pair.isPiping) {
      pair.near.pipe(pair.far);
      pair.far.pipe(pair.inlet);
      pair.isPiping = true;
    }
  }
}

/** Lets so many bytes through, and says when they are on their way. */
function limited(bytes: number, onSpent: () => void): Transform {
  let left = bytes;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const part = chunk.subarray(0, left);
      left -= part.length;
      if (left === 0) setImmediate(onSpent);
      done(null, part);
    },
  });
}

function end({ near, far }: Pair): void {
  near.resetAndDestroy();
  far.resetAndDestroy();
}
