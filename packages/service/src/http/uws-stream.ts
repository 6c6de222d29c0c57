import type { Logger } from "../process/logger.ts";
import type { HttpStream, HttpStreamHandler } from "./http-types.ts";
import type { UwsResponse } from "./uws.ts";
import { wireData } from "./wire-text.ts";

/** A comment of an event stream: what is written to push out what uWebSockets.js has kept, when there is nothing else. */
const PUSH = ":\n\n";

/** One streamed body: the only holder of uWebSockets.js's object, of which it lets go when that ends. */
export class UwsStream implements HttpStream {
  readonly #log: Logger;
  /** null once it has ended. */
  #response: UwsResponse | null;
  #handler: HttpStreamHandler | null = null;
  /** uWebSockets.js keeps what the client didn't take; nothing more is written until that has gone. */
  #isBlocked = false;
  #hasWritten = false;

  constructor(log: Logger, response: UwsResponse) {
    this.#log = log;
    this.#response = response;
    response.onWritable(() => {
      this.#onWritable();
      return true;
    });
  }

  get isOpen(): boolean {
    return this.#response !== null;
  }

  get isReady(): boolean {
    return this.#response !== null && !this.#isBlocked;
  }

  write(chunks: readonly (string | Uint8Array)[]): void {
    const response = this.#response;
    if (response === null || this.#isBlocked) return;
    this.#hasWritten = true;
    response.cork(() => {
      for (const chunk of chunks) {
        // An empty chunk would end the body.
        if (chunk.length > 0 && !response.write(wireData(chunk))) this.#isBlocked = true;
      }
    });
  }

  end(): void {
    const response = this.#response;
    if (response === null) return;
    this.#response = null;
    response.cork(() => response.end());
    this.#tellClosed();
  }

  terminate(): void {
    const response = this.#response;
    if (response === null) return;
    this.#response = null;
    // Tells of an abort as well, which finds nothing left to tell.
    response.close();
    this.#tellClosed();
  }

  /** @internal For the exchange: the answer has begun. */
  opened(open: (stream: HttpStream) => HttpStreamHandler): void {
    try {
      this.#handler = open(this);
    } catch (error) {
      this.#log.error("stream_open_failed", { error });
      this.terminate();
      return;
    }
    // It was ended within `open` already.
    if (this.#response === null) this.#tellClosed();
  }

  /** @internal For the exchange: the client has gone, or took nothing for too long. */
  aborted(): void {
    this.#response = null;
    this.#tellClosed();
  }

  #onWritable(): void {
    if (this.#response === null) return;
    this.#isBlocked = false;
    this.#hasWritten = false;
    try {
      this.#handler?.onReady();
    } catch (error) {
      this.#log.error("stream_handler_failed", { error });
      this.terminate();
    }
    // While somebody listens for this event, what is kept goes out with the next write only.
    if (!this.#hasWritten) this.write([PUSH]);
  }

  #tellClosed(): void {
    const handler = this.#handler;
    this.#handler = null;
    try {
      handler?.onClose();
    } catch (error) {
      this.#log.error("stream_close_handler_failed", { error });
    }
  }
}
