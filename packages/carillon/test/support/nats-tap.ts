import { connect, type Socket } from "node:net";
import { eventually } from "@carillon/testkit";
import { expect } from "vitest";

/** A message as it stands on NATS. */
export interface TappedMessage {
  /** Its headers as they are written; "" for a message without any. */
  readonly headers: string;
  readonly payload: Buffer;
}

const CRLF = "\r\n";

/** Hears what is on NATS by its text protocol, byte for byte. Ends with `await using`. */
export class NatsTap {
  readonly messages: TappedMessage[] = [];
  readonly #socket: Socket;
  #buffer = Buffer.alloc(0);
  #hasPong = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (data) => this.#read(data));
    socket.on("error", () => undefined);
  }

  /** Resolves when NATS has its interest. */
  static async open(port: number, subject: string): Promise<NatsTap> {
    const socket = connect({ port, host: "127.0.0.1" });
    const tap = new NatsTap(socket);
    socket.write(`CONNECT {"verbose":false,"pedantic":false,"headers":true}${CRLF}SUB ${subject} 1${CRLF}PING${CRLF}`);
    await eventually(() => expect(tap.#hasPong).toBe(true));
    return tap;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }

  #read(data: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, data]);
    for (;;) {
      const end = this.#buffer.indexOf(CRLF);
      if (end < 0) return;
      const line = this.#buffer.toString("latin1", 0, end);
      const from = end + CRLF.length;
      const [headerBytes, bytes] = sizesIn(line);
      const next = bytes === null ? from : from + bytes + CRLF.length;
      if (this.#buffer.length < next) return;
      if (bytes !== null) {
        const headers = this.#buffer.toString("latin1", from, from + headerBytes);
        this.messages.push({ headers, payload: this.#buffer.subarray(from + headerBytes, from + bytes) });
      }
      if (line === "PONG") this.#hasPong = true;
      if (line === "PING") this.#socket.write(`PONG${CRLF}`);
      this.#buffer = this.#buffer.subarray(next);
    }
  }
}

/** Bytes of the headers and of all; null for a line that is not about a message. */
function sizesIn(line: string): readonly [number, number | null] {
  const parts = line.split(" ");
  if (line.startsWith("HMSG ")) return [Number(parts.at(-2)), Number(parts.at(-1))];
  return line.startsWith("MSG ") ? [0, Number(parts.at(-1))] : [0, null];
}
