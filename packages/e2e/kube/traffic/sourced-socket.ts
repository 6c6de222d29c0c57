import { WebSocket } from "ws";
import { sourceAddress } from "./client-host.ts";
import { count, type Tally } from "./tally.ts";

/** What is between a client and the network. */
export interface Attendance {
  readonly tally: Tally;
  /** Addresses of whatever takes connections now. */
  readonly fronts: () => readonly string[];
  /** Whether the clients are being ended by ourselves. */
  readonly isClosing: () => boolean;
  /** A connection has ended, by another than us. */
  readonly onLost: (source: string) => void;
}

const HOST = /^client-(\d+)-(\d+)\.source$/;

/** The host under which a client connects, so that its connection begins at an address of its own: `10.245.x.y`. */
export function sourceHost(client: number): string {
  return `client-${client >> 8}-${client & 255}.source`;
}

/**
 * A WebSocket class for clients that are many, and yet each has its own address, as browsers have. Whoever would route to
 * several load balancers (a cloud, by the whole connection) is played by a draw for each connection.
 */
export function sourcedSockets(attendance: Attendance): new (url: string, protocols?: string | string[]) => WebSocket {
  return class extends WebSocket {
    constructor(url: string, protocols: string | string[] = []) {
      const parsed = new URL(url);
      const [, high, low] = HOST.exec(parsed.hostname) ?? [];
      const source = sourceAddress(Number(high) * 256 + Number(low));
      const fronts = attendance.fronts();
      const front = fronts[Math.floor(Math.random() * fronts.length)] ?? "10.245.255.254:1";
      super(`ws://${front}${parsed.pathname}${parsed.search}`, protocols, {
        localAddress: source,
        perMessageDeflate: false,
        handshakeTimeout: 10_000,
      });
      this.#follow(source);
    }

    #follow(source: string): void {
      const { tally, isClosing, onLost } = attendance;
      let hasOpened = false;
      let failure = "closed before it was open";
      this.on("open", () => {
        hasOpened = true;
      });
      this.on("error", (error: NodeJS.ErrnoException) => {
        failure = error.code ?? error.message;
      });
      this.on("close", (code: number) => {
        if (isClosing()) return;
        if (!hasOpened) {
          count(tally.failedConnects, failure);
          return;
        }
        count(tally.closes, String(code));
        onLost(source);
      });
    }
  };
}
